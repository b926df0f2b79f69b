#!/usr/bin/env bash
# Installs what building and testing Serin need: Debian packages, the Envoy binary and Envoy's API definitions.
# Does nothing, quickly, when all of it is there. Runs as root or through sudo.
set -euo pipefail
cd "$(dirname "$0")"

packages=(
  ca-certificates g++ cmake ninja-build ccache mold pkg-config git curl python3 python3-pip python3-venv
  libboost1.81-dev libboost-json1.81-dev libexpected-dev libcli11-dev libspdlog-dev libyaml-dev
  libsqlite3-dev libgit2-dev libssl-dev libre2-dev libnghttp2-dev zlib1g-dev libmimalloc-dev
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  librapidcheck-dev libgtest-dev libgmock-dev
)
command -v npm >/dev/null || packages+=(npm)
command -v kubectl >/dev/null || packages+=(kubernetes-client)

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null | sed -n 's/^installed //p' || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "needs root or sudo to install: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

./fetch-envoy.sh
./fetch-envoy-api.sh
