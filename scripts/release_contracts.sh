#!/usr/bin/env bash
# release_contracts.sh: makes today's contracts the released ones, against which `make check` finds breaking changes.
# Also those between services: old and new ones talk to each other while a cluster is updated. Refuses
# contracts that break the release before; commit protos/released.binpb together with the version's tag.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

scripts/image.sh "$scratch/image.binpb"
scripts/breaking.sh "$scratch/image.binpb"
.venv/bin/buf build "$scratch/image.binpb" --exclude-source-info -o protos/released.binpb
echo "protos/released.binpb holds the released contracts now; commit it."
