#!/bin/sh
# build.sh OUT: builds the OTLP receiver as the file OUT, unless OUT was built from these very sources already.
# The first build on a machine takes a minute or two.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh OUT" >&2; exit 2; }
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")"

sources=$(find . -name '*.go' -o -name go.mod -o -name go.sum | LC_ALL=C sort | xargs cat | sha256sum)
if [ -x "$out" ] && [ "$(cat "$out.sources" 2>/dev/null)" = "$sources" ]; then
  echo "OTLP receiver: up to date: $out"
  exit 0
fi
echo "OTLP receiver: building $out (the first time takes some minutes)"
CGO_ENABLED=0 go build -p 2 -trimpath -buildvcs=false -ldflags '-s -w' -o "$out" .
echo "$sources" >"$out.sources"
echo "OTLP receiver: built $out"
