#!/usr/bin/env bash
# Pins requirements/*.in with hashes for every platform. Arguments go to uv: --upgrade, --upgrade-package NAME.
set -euo pipefail
cd "$(dirname "$0")/../requirements"

lock() {
    ../.venv/bin/uv --quiet pip compile --universal --generate-hashes --no-header --no-annotate \
        --python-version 3.11 "$@"
}
lock runtime.in --output-file runtime.lock "$@"
lock dev.in --constraint runtime.lock --output-file dev.lock "$@"
lock build.in --constraint dev.lock --output-file build.lock "$@"
lock uv.in --output-file uv.lock "$@"
lock node.in --output-file node.lock "$@"
