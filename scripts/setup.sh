#!/usr/bin/env bash
# Makes .venv exactly as the lock files say; does nothing when it already is.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

fingerprint="$(cat requirements/*.lock pyproject.toml scripts/setup.sh | cksum)"
stamp=.venv/.tidings-setup
# In a moved checkout every script of the environment still points at the old place.
works() { grep -qF "$PWD/.venv" .venv/bin/activate 2>/dev/null && .venv/bin/python -c '' 2>/dev/null; }
[[ -f $stamp && "$(<"$stamp")" == "$fingerprint" ]] && works && exit 0

python=${PYTHON:-python3}
command -v "$python" >/dev/null || die "Python 3.11 or newer is needed, but there is no '$python'; set PYTHON to one."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || die "Python 3.11 or newer is needed, but '$python' is $("$python" --version 2>&1); set PYTHON to another."

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian and Ubuntu ship venv apart from Python.
    if [[ $(id -u) == 0 && -f /etc/debian_version ]]; then
        say "installing python3-venv"
        (apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv) >/dev/null || true
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null \
        || die "'$python' cannot make virtual environments; install its venv package (Debian, Ubuntu: python3-venv)."
fi

if ! works; then
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
rm -f "$stamp"

say "installing what requirements/dev.lock names"
uv=(.venv/bin/uv --quiet pip)
.venv/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements/uv.lock
# Where only pip knows the way to its index (mirror, proxy, certificate), pip does the same, slower.
"${uv[@]}" sync --python .venv/bin/python --require-hashes requirements/dev.lock \
    || .venv/bin/python -m pip --quiet install --require-hashes -r requirements/dev.lock
"${uv[@]}" install --python .venv/bin/python --offline --no-deps --no-build-isolation --editable .

printf '%s' "$fingerprint" >"$stamp"
