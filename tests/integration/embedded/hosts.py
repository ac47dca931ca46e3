"""Running `host.py` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.integration.embedded.processes import environment

HOST_PROGRAM = Path(__file__).with_name("host.py")


@dataclass(frozen=True)
class Host:
    """A running host."""

    process: Process

    @property
    def pid(self) -> int:
        return self.process.pid

    async def report(self) -> dict[str, object]:
        """What it says once its parts are open, or that it cannot open them."""
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            line = await self.process.stdout.readline()
        assert line, "the host ended without a word"
        report = json.loads(line)
        assert isinstance(report, dict)
        return report

    async def leave(self) -> int:
        """Let it stop as a server stops, and return its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(20):
            return await self.process.wait()


@asynccontextmanager
async def host(
    path: Path, *, python: str = sys.executable, user: int | None = None, **variables: str
) -> AsyncIterator[Host]:
    """Start a host, as `user` if given; it and its parts are gone when left."""
    process = await asyncio.create_subprocess_exec(
        *(python, "-W", "error", str(HOST_PROGRAM), str(path)),
        env=environment(**variables),
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    try:
        yield Host(process)
    finally:
        try:
            await Host(process).leave()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
