# Sourced by the build.sh of a peer in Python, after `set -- NAME DIR PROGRAMS [OPTION…]`, in whose folder requirements.txt
# lies: installs that with pip's OPTIONs into the Python environment DIR. Where PROGRAMS of these very versions are there
# already it ends the script. Whoever sources it calls `installed` when all is in its place.
name=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
programs=$3
shift 3
cd "$(dirname "$0")"

is_up_to_date() {
  for program in $programs; do [ -x "$out/bin/$program" ] || return 1; done
  cmp -s requirements.txt "$out/requirements.txt"
}

installed() {
  cp requirements.txt "$out/requirements.txt"
  echo "$name: installed $out"
}

if is_up_to_date; then
  echo "$name: up to date: $out"
  exit 0
fi
python3 -m venv --clear "$out"
"$out/bin/pip" install --quiet --disable-pip-version-check "$@" --requirement requirements.txt
