"""One `tidings run` for all tests that do not stop it, started as a newcomer does."""

from __future__ import annotations

import asyncio
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.cli.program import Program, Running
from tests.support.api import create_tenant

UP = "Ctrl-C stops it."
SCRIPT = ".venv/bin/tidings"


@dataclass(frozen=True)
class Home:
    """The directory of a `tidings run` that is up."""

    program: Program
    server: Running

    @property
    def settings(self) -> dict[str, str]:
        """What its cli.toml says."""
        file = self.program.directory / ".tidings" / "cli.toml"
        return tomllib.loads(file.read_text())


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    directory = tmp_path_factory.mktemp("home")
    (directory / ".venv").symlink_to(sys.prefix)
    # `tidings` is not on this path.
    program = Program(directory, {"PATH": "/usr/bin:/bin"})
    with program.running("run", "--listen", "127.0.0.1:0", program=(SCRIPT,)) as server:
        server.until(UP)
        yield Home(program, server)


@pytest.fixture
def program(home: Home, tmp_path: Path) -> Program:
    """The program with an admin key of a tenant of its own."""
    settings = home.settings
    key = asyncio.run(create_tenant(settings["internal_address"], settings["cluster_secret"]))
    return Program(tmp_path, {"TIDINGS_ADDRESS": settings["address"], "TIDINGS_API_KEY": key})
