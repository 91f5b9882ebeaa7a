#!/bin/sh
# build.sh DIR: installs giftless, an LFS server that others wrote, into the Python environment DIR, unless these very versions are there already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
set -- giftless "$1" python
. "$(dirname "$0")/../python-environment.sh"
installed
