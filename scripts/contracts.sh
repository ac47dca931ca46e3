#!/usr/bin/env bash
# contracts.sh [DIR]: all that another language needs to call Tidings, in DIR (build/contracts):
#   tidings.binpb        the public contracts and all that they import, as one descriptor image
#   service_config.json  time-outs and retries, for the option `grpc.service_config` of a client's channel
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-build/contracts}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

mkdir -p "$out"
scripts/image.sh "$scratch/image.binpb"
.venv/bin/python scripts/public_image.py "$scratch/image.binpb" "$out/tidings.binpb"
.venv/bin/python scripts/service_config.py "$out/service_config.json"
echo "$out/tidings.binpb $out/service_config.json"
