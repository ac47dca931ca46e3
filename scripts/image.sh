#!/usr/bin/env bash
# image.sh OUT: all contracts and what they import as one descriptor image. Lint, breaking check and generation read the
# same image; nothing is downloaded and no third-party .proto is copied in.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$1
python=.venv/bin/python
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

$python scripts/validate_descriptors.py "$scratch/validate.binpb"
google=$($python -c 'import google.api, pathlib; print(pathlib.Path(next(iter(google.api.__path__))).parents[1])')
# Imported by none of ours, but clients read the details of errors with it.
{ (cd protos && find tidings -name '*.proto' | LC_ALL=C sort); echo google/rpc/error_details.proto; } | xargs $python -m grpc_tools.protoc \
    -Iprotos -I"$google" --descriptor_set_in="$scratch/validate.binpb" --include_imports --include_source_info -o "$out"
