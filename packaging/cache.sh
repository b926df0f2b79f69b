# Where fetched parts are kept; sourced by the fetch scripts. CMake reads the same variable (cmake/EnvoyApi.cmake).
# SERIN_CACHE lets several checkouts share one cache.
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SERIN_CACHE:-$source_dir/.cache}
mkdir -p "$cache"

# check_sha256 FILE HASH: ends the script when the file is not the pinned one.
check_sha256() {
  local got
  got=$(sha256sum "$1" | cut -d' ' -f1)
  if [ "$got" != "$2" ]; then
    echo "$(basename "$1"): sha256 is $got, expected $2; nothing was installed" >&2
    exit 1
  fi
}
