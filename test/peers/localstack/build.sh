#!/bin/sh
# build.sh DIR: installs LocalStack, whose Step Functions are the tests' second engine, into the Python environment DIR,
# and beside it the jars by which it evaluates JSONata, unless these very versions are there already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
# requirements.txt is all there is to install; resolved again it would be another set one day.
set -- LocalStack "$1" python --no-deps --no-compile
. "$(dirname "$0")/../python-environment.sh"
FILESYSTEM_ROOT="$out/files" "$out/bin/python" engine.py --install-jars
installed
