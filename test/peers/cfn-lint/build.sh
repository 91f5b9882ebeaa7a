#!/bin/sh
# build.sh DIR: installs cfn-lint (templates of CloudFormation) and parliament (policies of IAM) into the Python environment DIR, unless these very versions are there already.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"

if [ -x "$out/bin/cfn-lint" ] && [ -x "$out/bin/parliament" ] && cmp -s requirements.txt "$out/requirements.txt"; then
  echo "cfn-lint: up to date: $out"
  exit 0
fi
python3 -m venv --clear "$out"
"$out/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
cp requirements.txt "$out/requirements.txt"
echo "cfn-lint: installed $out"
