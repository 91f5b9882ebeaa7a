#!/bin/sh
# build.sh OUT: builds Prometheus' Pushgateway and StatsD exporter into the folder OUT, unless they were built from these very sources
# already. The first build on a machine takes a minute.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh OUT" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"

sources=$(cat */go.mod */go.sum | sha256sum)
if [ -x "$out/pushgateway" ] && [ -x "$out/statsd_exporter" ] && [ "$(cat "$out/sources" 2>/dev/null)" = "$sources" ]; then
  echo "prometheus peers: up to date: $out"
  exit 0
fi
echo "prometheus peers: building $out (the first time takes a minute)"
for name in pushgateway statsd_exporter; do
  # Each is a module of its own: they want different versions of what they share.
  CGO_ENABLED=0 go build -C "$name" -p 2 -trimpath -buildvcs=false -ldflags '-s -w' -o "$out/$name" "github.com/prometheus/$name"
done
echo "$sources" >"$out/sources"
echo "prometheus peers: built $out"
