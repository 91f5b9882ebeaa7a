#!/bin/sh
# build.sh OUT: puts mongo-java-server and its launcher into the folder OUT (java -cp 'OUT/*:OUT' Launcher), unless OUT was
# built from these very sources already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh OUT" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"

sources=$(cat build.sh pom.xml Launcher.java | sha256sum)
if [ "$(cat "$out/sources" 2>/dev/null)" = "$sources" ]; then
  echo "mongo-java-server: up to date: $out"
  exit 0
fi
echo "mongo-java-server: building $out"
mvn -q -B dependency:copy-dependencies -DoutputDirectory="$out"
javac -cp "$out/*" -d "$out" Launcher.java
echo "$sources" >"$out/sources"
echo "mongo-java-server: built $out"
