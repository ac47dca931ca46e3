"""Commands run in this process, away from the reader's own settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.unit.cli.fake_server import FakeServer, serving

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """The reader's time zone: UTC, unless a test moves."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    move("UTC")
    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving() as fake:
        yield fake


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory without settings, and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("TIDINGS_ADDRESS", "TIDINGS_API_KEY", "TIDINGS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(elsewhere: Path) -> Run:
    """Runs `tidings …` and returns its result, unless it broke."""

    def call(*arguments: str, **environ: str) -> Result:
        result = CliRunner().invoke(app, arguments, env=environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def tidings(run: Run, server: FakeServer) -> Run:
    """Runs `tidings …` against the fake server."""

    def call(*arguments: str, **environ: str) -> Result:
        defaults = {"TIDINGS_ADDRESS": server.address, "TIDINGS_API_KEY": "key"}
        return run(*arguments, **{**defaults, **environ})

    return call
