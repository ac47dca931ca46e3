"""What is printed to be pasted names the program as it was called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cli.program import pasteable, program


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".venv" / "bin" / "tidings"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [str(path)])
    return path


def test_is_called_by_its_path_where_it_is_not_at_hand(script: Path) -> None:
    assert program() == ".venv/bin/tidings"
    assert pasteable("try `tidings get ID`") == "try `.venv/bin/tidings get ID`"


def test_is_called_by_its_name_where_that_finds_it(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "tidings"


def test_is_called_as_a_module_where_it_was(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/cli/__main__.py"])
    assert program().endswith(" -m cli")


def test_is_called_by_its_name_inside_another_program(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/pytest"])
    assert pasteable("`tidings get ID`, not `make run`") == "`tidings get ID`, not `make run`"
