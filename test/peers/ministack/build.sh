#!/bin/sh
# build.sh DIR: installs MiniStack, which plays AWS in the tests, into the Python environment DIR, unless these very versions are there already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"

if [ -x "$out/bin/ministack" ] && cmp -s requirements.txt "$out/requirements.txt"; then
  echo "MiniStack: up to date: $out"
  exit 0
fi
python3 -m venv --clear "$out"
"$out/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
cp requirements.txt "$out/requirements.txt"
echo "MiniStack: installed $out"
