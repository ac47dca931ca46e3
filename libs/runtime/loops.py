"""Loops that run beside the servers: kept alive while the process serves, ended together."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

from libs.runtime.cancellation import end_if_cancelled
from libs.telemetry import metrics

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_CANCELLATIONS = 3
_CANCELLED_WITHIN_S = 2.0


class Loops:
    """Supervises loops. One that raises is logged and begun again after a growing pause."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, name: str, body: Callable[[], Awaitable[None]]) -> None:
        """Registers a loop; `body` runs until it is cancelled or returns for good."""
        self._waiting.append((name, body))

    def add_periodic(
        self, name: str, step: Callable[[], Awaitable[None]], *, every: timedelta
    ) -> None:
        """Registers a step that runs now and then, with a tenth of jitter between."""

        async def body() -> None:
            while True:
                await step()
                end_if_cancelled()
                await asyncio.sleep(every.total_seconds() * random.uniform(0.9, 1.1))

        self.add(name, body)

    def start(self) -> None:
        """Starts what was registered."""
        loop = asyncio.get_running_loop()
        self._tasks += [
            loop.create_task(_supervise(name, body), name=name) for name, body in self._waiting
        ]
        self._waiting.clear()

    async def stop(self) -> None:
        """Cancels the loops and waits for them, but not for ever: dying at any moment is allowed."""
        running = set(self._tasks)
        for _ in range(_CANCELLATIONS):
            for task in running:
                task.cancel()
            if running:
                _, running = await asyncio.wait(running, timeout=_CANCELLED_WITHIN_S)
            # A library may have swallowed the cancellation, so it is said again.
            for task in running:
                _log.warning("loop_goes_on", extra={"loop": task.get_name()})
        self._tasks.clear()


async def _supervise(name: str, body: Callable[[], Awaitable[None]]) -> None:
    pause = _FIRST_PAUSE_S
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await body()
            return
        except Exception:  # noqa: BLE001 - the rim of the loop
            metrics.loop_failed(name)
            _log.exception("loop_failed", extra={"loop": name})
            end_if_cancelled()
        if asyncio.get_running_loop().time() - started > _LONGEST_PAUSE_S:
            pause = _FIRST_PAUSE_S
        await asyncio.sleep(random.uniform(0, pause))
        pause = min(pause * 2, _LONGEST_PAUSE_S)
