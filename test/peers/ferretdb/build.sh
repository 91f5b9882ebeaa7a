#!/bin/sh
# build.sh OUT: builds FerretDB 1.24.2 with SQLite as the file OUT, unless OUT was built from these very sources already.
# Its own command panics without a version.txt that the published module lacks, and the Go command allows no overlay in
# its module cache: so it is built from a vendor folder made for that (240 MB, removed afterwards), which gets the file.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh OUT" >&2; exit 2; }
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")"

sources=$(cat build.sh tools.go go.mod go.sum | sha256sum)
if [ -x "$out" ] && [ "$(cat "$out.sources" 2>/dev/null)" = "$sources" ]; then
  echo "ferretdb: up to date: $out"
  exit 0
fi
echo "ferretdb: building $out (the first time takes a minute or two)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp tools.go go.mod go.sum "$work"
cd "$work"
go mod vendor 2>/dev/null
echo v1.24.2 >vendor/github.com/FerretDB/FerretDB/build/version/version.txt
CGO_ENABLED=0 go build -p 2 -mod=vendor -buildvcs=false -trimpath -ldflags '-s -w' -o "$out" github.com/FerretDB/FerretDB/cmd/ferretdb
echo "$sources" >"$out.sources"
echo "ferretdb: built $out"
