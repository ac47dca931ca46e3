"""The `tidings` program as its users have it: a process, or a call where the process is not the point."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from typer.testing import CliRunner

from cli.main import app

_OURS = ("TIDINGS_ADDRESS", "TIDINGS_API_KEY", "TIDINGS_CONFIG", "TIDINGS_SMTP_URL")
_FINISH_SECONDS = 60
_LOOK_SECONDS = 0.05
_MODULE = (sys.executable, "-m", "cli")


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


@dataclass
class Program:
    """Runs `tidings …` in a directory with an environment of its own."""

    directory: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def call(self, *arguments: str) -> Ended:
        """Runs a command in this process; one that breaks breaks the test."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.directory)
            env = {**dict.fromkeys(_OURS), "COLUMNS": "80", **self.environ}
            result = CliRunner().invoke(app, arguments, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def ok(self, *arguments: str) -> Ended:
        """Runs a command that must work, in this process."""
        ended = self.call(*arguments)
        assert ended.code == 0, ended.stderr
        return ended

    def run(self, *arguments: str, program: tuple[str, ...] = _MODULE) -> Ended:
        """Runs a command as a process to its end."""
        ended = subprocess.run(
            [*program, *arguments],
            cwd=self.directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FINISH_SECONDS,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    @contextmanager
    def running(self, *arguments: str, program: tuple[str, ...] = _MODULE) -> Iterator[Running]:
        """Starts a process that stays; it is gone when the context is left."""
        with (
            tempfile.TemporaryFile("w+") as stderr,
            subprocess.Popen(
                [*program, *arguments],
                cwd=self.directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            ) as process,
        ):
            try:
                yield Running(process, stderr)
            finally:
                process.terminate()
                process.wait(_FINISH_SECONDS)

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
        # Else what it prints is kept back, as it is no terminal.
        return {**inherited, "COLUMNS": "80", "PYTHONUNBUFFERED": "1", **self.environ}


class Running:
    """A process that stays."""

    def __init__(self, process: subprocess.Popen[str], stderr: IO[str]) -> None:
        self._process = process
        self._stderr = stderr
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.seen: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    @property
    def complaint(self) -> str:
        """What it has written to stderr."""
        self._stderr.seek(0)
        return self._stderr.read()

    def line(self, *, within: float = 30) -> str:
        """Returns its next line."""
        try:
            line = self._lines.get(timeout=within)
        except queue.Empty:
            raise TimeoutError(f"nothing more: {self.seen} {self.complaint}") from None
        if line is None:
            raise AssertionError(f"it ended: {self.seen} {self.complaint}")
        self.seen.append(line)
        return line

    def until(self, text: str, *, within: float = 60) -> str:
        """Reads lines up to the one that holds `text`."""
        deadline = time.monotonic() + within
        while text not in (line := self.line(within=max(0.1, deadline - time.monotonic()))):
            pass
        return line

    def complains(self, text: str, *, within: float = 60) -> None:
        """Returns when it has written `text` to stderr."""
        deadline = time.monotonic() + within
        while text not in self.complaint:
            assert self._process.poll() is None, self.complaint
            assert time.monotonic() < deadline, self.complaint
            time.sleep(_LOOK_SECONDS)

    def interrupt(self) -> int:
        """Sends what Ctrl-C sends; returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(_FINISH_SECONDS)
