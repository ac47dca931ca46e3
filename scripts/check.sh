#!/usr/bin/env bash
# The gate: everything that can be judged without running Tidings. Parts run at once; each failing one prints its output.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PWD/.venv/bin:$PATH"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

part_format() { ruff format --check --diff . && buf format --diff --exit-code; }
part_lint() { ruff check .; }
part_types() { mypy; }
part_imports() { lint-imports; }
part_stubs() { scripts/proto.sh --check; }

part_docs() { python scripts/settings_page.py --check; }

part_contracts() {
    local image=$scratch/image.binpb config=$scratch/buf.yaml
    scripts/image.sh "$image"
    # buf can resolve imports offline only in an image, and in an image paths start below the module.
    sed -e '/^modules:/,/path:/d' -e 's#protos/tidings/#tidings/#' buf.yaml >"$config"
    buf lint "$image" --config "$config" --path tidings
    scripts/breaking.sh "$image"
}

part_hosts() {
    # Locks and settings must work with whatever index or mirror the reader has. Brackets keep this file from matching.
    local hosts='pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]\.org|registry\.yarnpk[g]\.com|proxy\.golan[g]\.org|crate[s]\.io'
    if git grep --untracked -InE "$hosts|--(extra-)?index-ur[l]|--find-link[s]"; then
        echo "These lines name a package index." >&2
        return 1
    fi
}

parts=(format lint types imports stubs docs contracts hosts)
pids=() failed=()
for part in "${parts[@]}"; do
    ("part_$part" >"$scratch/$part.log" 2>&1) &
    pids+=($!)
done
for i in "${!parts[@]}"; do
    if wait "${pids[$i]}"; then
        echo "ok      ${parts[$i]}"
    else
        echo "FAILED  ${parts[$i]}"
        failed+=("${parts[$i]}")
    fi
done
for part in ${failed[@]+"${failed[@]}"}; do
    printf '\n--- %s\n' "$part"
    cat "$scratch/$part.log"
done
if ((${#failed[@]})); then
    printf '\ncheck failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
