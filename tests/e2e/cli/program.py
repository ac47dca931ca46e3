"""The `tidings` program as its users have it: a process with arguments, an environment, two streams."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_OURS = ("TIDINGS_ADDRESS", "TIDINGS_API_KEY", "TIDINGS_CONFIG", "TIDINGS_SMTP_URL")
_FINISH_SECONDS = 60


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
    environ: dict[str, str] = field(default_factory=dict)

    async def run(self, *arguments: str) -> Ended:
        """Runs a command to its end."""
        process = await self._start(*arguments)
        async with asyncio.timeout(_FINISH_SECONDS):
            stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, stdout.decode(), stderr.decode())

    async def ok(self, *arguments: str) -> Ended:
        """Runs a command that must work."""
        ended = await self.run(*arguments)
        assert ended.code == 0, ended.stderr
        return ended

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[Running]:
        """Starts a command that stays; it is gone when the context is left."""
        process = await self._start(*arguments)
        try:
            yield Running(process)
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def _start(self, *arguments: str) -> asyncio.subprocess.Process:
        inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli",
            *arguments,
            cwd=self.directory,
            env={**inherited, "COLUMNS": "80", **self.environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )


class Running:
    """A command that stays."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.seen: list[str] = []

    async def line(self, *, within: float = 30) -> str:
        """Returns its next line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(within):
            raw = await self._process.stdout.readline()
        if not raw:
            assert self._process.stderr is not None
            complaint = (await self._process.stderr.read()).decode()
            raise AssertionError(f"it ended: {self.seen} {complaint}")
        self.seen.append(raw.decode().rstrip("\n"))
        return self.seen[-1]

    async def until(self, text: str, *, within: float = 60) -> str:
        """Reads lines up to the one that holds `text`."""
        async with asyncio.timeout(within):
            while text not in (line := await self.line(within=within)):
                pass
        return line

    async def interrupt(self) -> int:
        """Sends what Ctrl-C sends; returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        async with asyncio.timeout(_FINISH_SECONDS):
            await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode
