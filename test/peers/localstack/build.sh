#!/bin/sh
# build.sh DIR: installs LocalStack, whose Step Functions are the tests' second engine, into the Python environment DIR,
# and beside it the jars by which it evaluates JSONata, unless these very versions are there already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"

if [ -x "$out/bin/python" ] && cmp -s requirements.txt "$out/requirements.txt"; then
  echo "LocalStack: up to date: $out"
  exit 0
fi
python3 -m venv --clear "$out"
# requirements.txt is all there is to install; resolved again it would be another set one day.
"$out/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-compile --requirement requirements.txt
FILESYSTEM_ROOT="$out/files" "$out/bin/python" engine.py --install-jars
cp requirements.txt "$out/requirements.txt"
echo "LocalStack: installed $out"
