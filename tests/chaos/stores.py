"""The database and Valkey of the runs, which can be away for as long as a run likes."""

from __future__ import annotations

import os
import signal
from contextlib import AsyncExitStack

from libs.embedded.data_directory import DataDirectory
from libs.embedded.parts import Parts, open_parts
from tests.support.eventually import eventually

_RESTARTED_WITHIN = 60


class Postgres:
    """The database, which can be away for as long as a run likes."""

    def __init__(self, directory: DataDirectory) -> None:
        self._directory = directory
        self._stack = AsyncExitStack()
        self._parts: Parts | None = None
        self.url = ""

    async def start(self) -> None:
        """Returns when it answers, at the address it always had."""
        parts = await self._stack.enter_async_context(
            open_parts(self._directory, postgres=True, valkey=False)
        )
        assert self.url in {"", parts.database_url}, "the database moved"
        self._parts, self.url = parts, parts.database_url

    async def stop(self) -> None:
        """Ends it, and with it every connection."""
        await self._stack.aclose()

    async def kill(self) -> None:
        """Kill -9 of the postmaster; it is started again and recovers from its log."""
        assert self._parts is not None
        await _kill(self._parts, "postgres")


class Valkey:
    """The store of hints, which forgets nothing that matters when it dies."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def url(self) -> str:
        """Its address, which stays."""
        return self._parts.redis_url

    async def kill(self) -> None:
        """Kill -9; returns when another one was started in its place."""
        await _kill(self._parts, "valkey")


async def _kill(parts: Parts, name: str) -> None:
    killed = parts.process_ids[name]
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: _restarted(parts, name, killed), within=_RESTARTED_WITHIN)


async def _restarted(parts: Parts, name: str, killed: int) -> bool:
    return parts.process_ids.get(name, killed) != killed
