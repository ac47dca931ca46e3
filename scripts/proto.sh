#!/usr/bin/env bash
# proto.sh: makes generated/ from protos/.   proto.sh --check: says whether it is what protos/ would make.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PWD/.venv/bin:$PATH"
new=$(mktemp -d "$PWD/.generated.XXXXXX")
trap 'rm -rf "$new"' EXIT
image=$new/image.binpb out=$new/out
mkdir "$out"

scripts/image.sh "$image"
protoc=(python -m grpc_tools.protoc --descriptor_set_in="$image")
(cd protos && find tidings -name '*.proto' | LC_ALL=C sort) \
    | xargs "${protoc[@]}" --python_out="$out" --mypy_out=quiet:"$out"
(cd protos && grep -rlE '^service ' --include='*.proto' tidings | LC_ALL=C sort) \
    | xargs "${protoc[@]}" --grpc_python_out="$out" --mypy_grpc_out=quiet:"$out"
# protovalidate ships no buf.validate stubs for google.protobuf, and every message with a rule imports them.
"${protoc[@]}" --python_out="$out" --mypy_out=quiet:"$out" buf/validate/validate.proto
# Our own clients read their time-outs and retries where they read the stubs.
python scripts/service_config.py "$out/tidings/service_config.json"

same() { diff -r -x __pycache__ "$@" generated "$out"; }
if [[ ${1:-} == --check ]]; then
    same --brief || { echo "generated/ is not what protos/ makes: run 'make proto' and commit the result." >&2; exit 1; }
elif ! same >/dev/null 2>&1; then
    [[ ! -d generated ]] || mv generated "$new/old"
    mv "$out" generated
fi
