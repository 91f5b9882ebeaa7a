#!/bin/sh
# build.sh OUT: builds versitygw, the S3 server that the tests use, as the file OUT, unless it was built from these very sources already.
# The first build on a machine takes a minute or two.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh OUT" >&2; exit 2; }
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")"

sources=$(cat go.mod go.sum | sha256sum)
if [ -x "$out" ] && [ "$(cat "$out.sources" 2>/dev/null)" = "$sources" ]; then
  echo "versitygw: up to date: $out"
  exit 0
fi
echo "versitygw: building $out (the first time takes a minute or two)"
CGO_ENABLED=0 go build -p 2 -trimpath -buildvcs=false -ldflags '-s -w' -o "$out" github.com/versity/versitygw/cmd/versitygw
echo "$sources" >"$out.sources"
echo "versitygw: built $out"
