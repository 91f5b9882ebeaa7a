#!/bin/sh
# build.sh DIR: builds the image of container/Dockerfile and saves it as DIR/image.tar, unless it was built of these very files already.
#
# No registry is asked: the base is a Debian of debootstrap with the Node 24 and npm at hand, in place of MongoDB's image there is one with
# programs that stand in for its tools (mongodump.js says how), and the Engine is one of its own.
# Its layers are kept in /var/tmp, so that after a change of the sources only the last ones are made anew. Root alone can do this.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
PATH="$PATH:/usr/sbin:/sbin"

exec 9>"$out/lock"
flock 9

sources() {
  cd "$root"
  find .dockerignore LICENSE README.md package.json package-lock.json tsconfig.json tsconfig.build.json bin cli config/examples container functions infra lib scripts \
    "$here" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d ' ' -f 1
}
digest=$(sources)
if [ -f "$out/image.tar" ] && [ "$(cat "$out/digest" 2>/dev/null)" = "$digest" ]; then
  echo "image: up to date: $out/image.tar"
  exit 0
fi

# The socket's path has room for a hundred bytes.
run=$(mktemp -d)
export DOCKER_HOST="unix://$run/docker.sock"
layers=/var/tmp/core-backup-test-$(echo "$root" | sha256sum | cut -c 1-12)
dockerd --host "$DOCKER_HOST" --data-root "$layers" --exec-root "$run/exec" --pidfile "$run/pid" --iptables=false --ip6tables=false \
  --bridge=none >"$out/dockerd.log" 2>&1 9>&- &
engine=$!
ended() {
  kill "$engine" 2>/dev/null || :
  wait "$engine" 2>/dev/null || :
  umount --lazy "$run/exec/netns/default" 2>/dev/null || :
  rm -rf "$run"
}
trap ended EXIT
tries=0
until docker version >/dev/null 2>&1; do
  tries=$((tries + 1))
  kill -0 "$engine" 2>/dev/null && [ "$tries" -lt 300 ] || { tail -n 20 "$out/dockerd.log" >&2; exit 1; }
  sleep 0.1
done

suite=trixie
# The number is that of how the base is made, below.
base=core-backup-test/base:$suite-1
if ! docker image inspect "$base" >/dev/null 2>&1; then
  rootfs=$run/rootfs
  debootstrap --variant=minbase "$suite" "$rootfs" http://deb.debian.org/debian >"$out/debootstrap.log" || { tail -n 20 "$out/debootstrap.log" >&2; exit 1; }
  for node in "$root"/node_modules/node-linux-*/bin/node; do cp "$node" "$rootfs/usr/local/bin/node"; done
  mkdir -p "$rootfs/usr/local/lib/node_modules"
  # Not by its global root: in an npm script that is the one of the Node 24 that came as a package, which has no npm.
  cp -RL "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$rootfs/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$rootfs/usr/local/bin/npm"
  rm -rf "$rootfs"/var/cache/apt/archives/*.deb "$rootfs"/var/lib/apt/lists/*
  # Whom this machine trusts, for npm in the build.
  trusted=/etc/ssl/certs/ca-certificates.crt
  [ ! -f "$trusted" ] || install -D -m 644 "$trusted" "$rootfs/usr/local/share/machine.crt"
  tar -C "$rootfs" -c . | docker import --change "ENV NODE_EXTRA_CA_CERTS=/usr/local/share/machine.crt" - "$base" >/dev/null
  rm -rf "$rootfs"
fi

# Anew each time: the layers of the image hang on the files that are taken from it.
mongodb=core-backup-test/mongodb:1
install -D -m 755 "$here/mongodump.js" "$run/mongodb/usr/bin/mongodump"
install -m 755 "$here/mongorestore" "$run/mongodb/usr/bin/mongorestore"
tar -C "$run/mongodb" -c . | docker import - "$mongodb" >/dev/null

# The builder that every docker has; a newer client without its plugin has no other.
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")
build() {
  DOCKER_BUILDKIT=0 docker build --quiet --network host --build-arg "BASE=$base" --build-arg "MONGODB=$mongodb" --build-arg "VERSION=$version" \
    --file "$root/container/Dockerfile" "$@" "$root"
}
{
  # By a name, so that its layers are not taken for left over.
  build --target build --tag core-backup-test/build:1
  build --tag core-backup-test/image:1
} >"$out/build.log" 2>&1 || { cat "$out/build.log" >&2; exit 1; }
docker save --output "$out/image.tar" core-backup-test/image:1
docker image prune --force >/dev/null
echo "$digest" >"$out/digest"
echo "image: built $out/image.tar"
