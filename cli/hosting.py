"""Runs servers from the command line: logs, signals, and failures to start as sentences."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError
from cli.garbage import collect_seldom, spare_what_lasts
from libs.config import Environ, SettingError
from libs.embedded.errors import EmbeddedError
from libs.telemetry import logs

if TYPE_CHECKING:
    from cli.serve import Cluster, ServeOptions

#: `make run` takes no options, but the command that it runs does.
_TAKEN_HINT = "`tidings run --listen 127.0.0.1:PORT` with a port that is free"


def log_to_stderr(level: int) -> None:
    """Logs events of at least `level` as the environment says; see `libs.telemetry.logs`."""
    try:
        logs.log_to_stderr(level, Environ(os.environ))
    except SettingError as error:
        raise CommandError(str(error)) from None


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Runs `main` on the quickest event loop there is; returns its exit code."""
    try:
        import uvloop
    except ImportError:
        factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    else:
        factory = uvloop.new_event_loop
    collect_seldom()
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


@asynccontextmanager
async def hosting(options: ServeOptions) -> AsyncIterator[Cluster]:
    """Serves until left; what keeps it from starting is raised as a CommandError."""
    from cli.serve import AddressTaken, open_cluster  # brings every service along

    try:
        async with open_cluster(options) as cluster:
            spare_what_lasts()
            yield cluster
    except AddressTaken as error:
        raise CommandError(str(error), hint=_TAKEN_HINT) from None
    except (SettingError, EmbeddedError) as error:
        raise CommandError(str(error)) from None


class Interrupts:
    """SIGINT and SIGTERM: before `hold` they cancel the task, from then on they end the wait."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._asked = asyncio.Event()
        self._holding = False

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._interrupt)
        return self

    def __exit__(self, *details: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(number)

    async def hold(self) -> None:
        """Waits until somebody wants an end."""
        self._holding = True
        await self._asked.wait()

    def _interrupt(self) -> None:
        self._asked.set()
        if not self._holding and self._task is not None:
            self._task.cancel()
