#!/bin/sh
# build.sh DIR: installs cfn-lint (templates of CloudFormation) and parliament (policies of IAM) into the Python environment DIR, unless these very versions are there already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
set -- cfn-lint "$1" "cfn-lint parliament"
. "$(dirname "$0")/../python-environment.sh"
installed
