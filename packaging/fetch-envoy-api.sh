#!/usr/bin/env bash
# Puts Envoy's API definitions (.proto) at <cache>/envoy-api/. They come from the npm package
# `@grpc/grpc-js-xds`, pinned by hash; annotations, which change nothing on the wire, are removed so that the
# annotation packages need not be compiled. The file `stamp` says which inputs the folder was made from.
set -euo pipefail
. "$(dirname "$0")/cache.sh"

version=1.14.1
sha256=fd27db4119c139d5b59e8fe99d109bed04bff491302743ae3bf096667105c607
strip=$source_dir/cmake/strip_proto_annotations.py

target=$cache/envoy-api
stamp="$sha256 $(sha256sum <"$strip" | cut -d' ' -f1)"
[ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ] && exit 0

echo "fetching Envoy's API definitions"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@grpc/grpc-js-xds@$version" >/dev/null)
check_sha256 "$work/grpc-grpc-js-xds-$version.tgz" "$sha256"
tar -xzf "$work/grpc-grpc-js-xds-$version.tgz" -C "$work" package/deps
python3 "$strip" "$work/new" "$work"/package/deps/{envoy-api,xds,googleapis}
echo "$stamp" >"$work/new/stamp"
if [ -e "$target" ]; then mv "$target" "$work/old"; fi
mv "$work/new" "$target"
