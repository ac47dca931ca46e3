"""Runs servers from the command line: logs, signals, and failures to start as sentences."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError
from libs.config import SettingError
from libs.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from cli.serve import Cluster, ServeOptions

#: Of every record; what a record has beyond them was given by whoever logged it.
_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

#: `make run` takes no options, but the command that it runs does.
_TAKEN_HINT = "`tidings run --listen 127.0.0.1:PORT` with a port that is free"


class _EventFormatter(logging.Formatter):
    """One line per event: when, how bad, where, what, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        fields = " ".join(
            f"{name}={value!r}" for name, value in record.__dict__.items() if name not in _ORDINARY
        )
        head, *trace = line.split("\n", 1)
        return "\n".join([f"{head} {fields}".rstrip(), *trace])

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} {moment:%Z}"


def log_to_stderr(level: int) -> None:
    """Logs events of at least `level` as lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(_EventFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Runs `main` on the quickest event loop there is; returns its exit code."""
    try:
        import uvloop
    except ImportError:
        factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


@asynccontextmanager
async def hosting(options: ServeOptions) -> AsyncIterator[Cluster]:
    """Serves until left; what keeps it from starting is raised as a CommandError."""
    from cli.serve import AddressTaken, open_cluster  # brings every service along

    try:
        async with open_cluster(options) as cluster:
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
