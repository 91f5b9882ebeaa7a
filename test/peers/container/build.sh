#!/bin/sh
# build.sh DIR: builds the image of container/Dockerfile and saves it as DIR/image.tar, unless it was built of these very files already. Beside
# it there is one that was built with MongoDB's tools.
#
# No registry is asked: the base is a Debian of debootstrap with the Node 24 and npm at hand, and the Engine is one of its own.
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
    "$here/build.sh" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d ' ' -f 1
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

# No registry has MongoDB's tools. This package stands in for theirs: it is fetched, compared and installed as that is, and needs a library that
# theirs needs, but its mongodump only says its version. The same bytes each time, for the layers' sake.
tools=$run/tools
mkdir -p "$tools/DEBIAN" "$tools/usr/bin"
cat >"$tools/DEBIAN/control" <<CONTROL
Package: mongodb-database-tools
Version: 100.0.0
Architecture: all
Depends: libgssapi-krb5-2
Maintainer: the tests of core-backup <tests@example.org>
Description: stands in for MongoDB Database Tools
CONTROL
printf '#!/bin/sh\necho "mongodump version: 100.0.0"\n' >"$tools/usr/bin/mongodump"
chmod -R u=rwX,go=rX "$tools"
chmod 755 "$tools/usr/bin/mongodump"
SOURCE_DATE_EPOCH=0 dpkg-deb --root-owner-group --build "$tools" "$run/tools.deb" >/dev/null
tools_url="data:application/octet-stream;base64,$(base64 -w 0 "$run/tools.deb")"
tools_sha256=$(sha256sum "$run/tools.deb" | cut -d ' ' -f 1)

# The builder that every docker has; a newer client without its plugin has no other.
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")
build() {
  DOCKER_BUILDKIT=0 docker build --quiet --network host --build-arg "BASE=$base" --build-arg "VERSION=$version" --file "$root/container/Dockerfile" "$@" "$root"
}
{
  # By a name, so that its layers are not taken for left over.
  build --target build --tag core-backup-test/build:1
  build --tag core-backup-test/image:1
  build --build-arg "MONGODB_TOOLS=$tools_url" --build-arg "MONGODB_TOOLS_SHA256=$tools_sha256" --tag core-backup-test/with-tools:1
} >"$out/build.log" 2>&1 || { cat "$out/build.log" >&2; exit 1; }
docker save --output "$out/image.tar" core-backup-test/image:1 core-backup-test/with-tools:1
docker image prune --force >/dev/null
echo "$digest" >"$out/digest"
echo "image: built $out/image.tar"
