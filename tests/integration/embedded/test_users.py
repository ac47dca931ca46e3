"""Root and ordinary users alike can run the parts."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.embedded.hosts import host
from tests.integration.embedded.processes import environment

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user reaches; pytest's own are root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="tidings-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that every user can run, with our packages; a root's own often lies in its home."""
    for program in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(
                [program, "-c", "import asyncpg, libs.embedded.parts"],
                env=environment(),
                cwd="/",
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                capture_output=True,
                check=True,
            )
            return program
    pytest.skip("another user cannot read this Python, its packages or this checkout")


async def test_an_ordinary_user(open_folder: Path, python: str) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)

    async with host(home / ".tidings", python=python, user=NOBODY, HOME=str(home)) as server:
        report = await server.report()

        assert "database_url" in report, report
        assert await server.leave() == 0


async def test_root_where_user_namespaces_are_forbidden(open_folder: Path, python: str) -> None:
    path = _without_namespaces(open_folder)
    data = open_folder / "data"

    for _ in range(2):
        async with host(data, python=python, PATH=path) as server:
            report = await server.report()

            assert "database_url" in report, report
            assert (data / "postgres" / "cluster").stat().st_uid == NOBODY
            assert await server.leave() == 0

    # The same directory later, where they are allowed.
    async with host(data) as server:
        assert "database_url" in await server.report()


async def test_root_that_nobody_can_follow_is_told_so(tmp_path: Path, open_folder: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)

    async with host(home / "data", PATH=_without_namespaces(open_folder)) as server:
        report = await server.report()

    assert report["error"] == "PartFailedError"
    assert "Permission denied" in str(report["sentence"])
    assert home.stat().st_mode & 0o777 == 0o700


def _without_namespaces(folder: Path) -> str:
    """Make a PATH where `unshare` is as useless as in a strict container."""
    refusing = folder / "unshare"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    return os.pathsep.join([str(folder), os.environ["PATH"]])
