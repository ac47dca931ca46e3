#!/usr/bin/env bash
# breaking.sh IMAGE: says what in a descriptor image breaks clients of the released contracts.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ -f protos/released.binpb ]] || { echo "buf breaking: no release yet"; exit 0; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# buf can resolve imports offline only in an image, and in an image paths start below the module.
sed -e '/^modules:/,/path:/d' -e 's#protos/tidings/#tidings/#' buf.yaml >"$scratch/buf.yaml"
.venv/bin/buf breaking "$1" --against protos/released.binpb --config "$scratch/buf.yaml" --path tidings
