#!/bin/sh
# build.sh DIR: installs kubernetes-validate, which has the schemas of Kubernetes, into the Python environment DIR, unless these very versions are there already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
set -- kubernetes-validate "$1" kubernetes-validate
. "$(dirname "$0")/../python-environment.sh"
installed
