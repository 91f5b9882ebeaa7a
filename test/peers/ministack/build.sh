#!/bin/sh
# build.sh DIR: installs MiniStack, which plays AWS in the tests, into the Python environment DIR, unless these very versions are there already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
set -- MiniStack "$1" ministack
. "$(dirname "$0")/../python-environment.sh"
installed
