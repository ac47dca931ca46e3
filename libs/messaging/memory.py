"""The broker inside the process, for the embedded default. It forgets when the process dies,
which the outboxes on both sides allow for."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from libs.messaging.broker import Handler, Message, Unroutable
from libs.messaging.topology import BINDINGS, DEAD_LETTERS_QUEUE, EVENTS, Binding
from libs.runtime.cancellation import end_if_cancelled

_log = logging.getLogger(__name__)
_PAUSE_AFTER_FAILURE_S = 0.2


@dataclass(slots=True)
class _Entry:
    message: Message
    settled: asyncio.Future[None]
    redelivered: bool = False


class _Queue:
    def __init__(self) -> None:
        self.ready: deque[_Entry] = deque()
        self.arrived = asyncio.Event()

    def put(self, entry: _Entry) -> None:
        self.ready.append(entry)
        self.arrived.set()

    def put_back(self, entry: _Entry) -> None:
        entry.redelivered = True
        self.ready.appendleft(entry)
        self.arrived.set()

    async def take(self) -> _Entry:
        while not self.ready:
            self.arrived.clear()
            await self.arrived.wait()
        return self.ready.popleft()


class _Received:
    def __init__(self, queue: _Queue, dead: _Queue, entry: _Entry) -> None:
        self._queue = queue
        self._dead = dead
        self._entry = entry
        self.open = True

    @property
    def message(self) -> Message:
        return self._entry.message

    @property
    def redelivered(self) -> bool:
        return self._entry.redelivered

    async def acknowledge(self) -> None:
        if self.open:
            self.open = False
            if not self._entry.settled.done():
                self._entry.settled.set_result(None)

    async def reject(self, *, requeue: bool) -> None:
        if self.open and requeue:
            self.open = False
            self._queue.put_back(self._entry)
        elif self.open:
            loop = asyncio.get_running_loop()
            self._dead.put(_Entry(self._entry.message, loop.create_future()))
            await self.acknowledge()


class MemoryBroker:
    """Queues in memory. A work message is confirmed when it is queued, an event when every
    subscriber has acknowledged it: only then has a fact outlived this process."""

    system = "memory"

    def __init__(self, bindings: Iterable[Binding] = BINDINGS) -> None:
        self._routes: dict[tuple[str, str], list[str]] = {}
        self._queues: dict[str, _Queue] = {}
        for binding in bindings:
            route = self._routes.setdefault((binding.exchange, binding.routing_key), [])
            route.append(binding.queue)
            self._queues.setdefault(binding.queue, _Queue())
        self._dead = self._queues.setdefault(DEAD_LETTERS_QUEUE, _Queue())

    async def publish(self, exchange: str, routing_key: str, message: Message) -> None:
        """Queues the message; see `Broker.publish`."""
        queues = self._routes.get((exchange, routing_key))
        if not queues:
            raise Unroutable(f"{exchange}:{routing_key}")
        loop = asyncio.get_running_loop()
        entries = [_Entry(message, loop.create_future()) for _ in queues]
        for name, entry in zip(queues, entries, strict=True):
            self._queues[name].put(entry)
        if exchange == EVENTS:
            await asyncio.gather(*(entry.settled for entry in entries))

    @asynccontextmanager
    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> AsyncIterator[None]:
        """Runs the consumer; see `Broker.consume`."""
        source = self._queues[queue]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._work(source, handler)) for _ in range(prefetch)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _work(self, source: _Queue, handler: Handler) -> None:
        while True:
            received = _Received(source, self._dead, await source.take())
            try:
                await handler(received)
            except Exception:  # noqa: BLE001 - the rim of the consumer
                _log.exception("handler_failed")
                end_if_cancelled()
                # What made it fail may take a moment to pass.
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            finally:
                if received.open:
                    await received.reject(requeue=True)
