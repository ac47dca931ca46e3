"""Batches that follow load by themselves: alone when idle, together when busy, never delayed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

from libs.errors import Overloaded

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Hands waiting items to `flush` together, at most `parallel` flushes at a time.

    `flush` returns one answer, or one exception, per item in order. When it raises, a
    batch is halved until only the caller of the bad item sees the error, if the error is
    one of `divisible`; else all its callers see it. A cancelled caller leaves the flush be.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        max_items: int,
        parallel: int = 1,
        max_waiting: int = 10_000,
        divisible: tuple[type[Exception], ...] = (),
    ) -> None:
        self._flush = flush
        self._max_items = max_items
        self._parallel = parallel
        self._max_waiting = max_waiting
        self._divisible = divisible
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Waits until everything submitted has its answer."""
        while self._waiting or self._running:
            self._start()
            await asyncio.wait(self._running)

    async def submit(self, item: Item) -> Answer:
        """Returns the item's answer; raises its error, or Overloaded when too many wait."""
        return await self._enqueue(item)

    async def submit_all(self, items: Sequence[Item]) -> list[Answer | BaseException]:
        """Returns an answer or an error per item, in order."""
        return await asyncio.gather(*map(self._enqueue, items), return_exceptions=True)

    def _enqueue(self, item: Item) -> asyncio.Future[Answer]:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if len(self._waiting) >= self._max_waiting:
            future.set_exception(Overloaded("too many requests are waiting"))
            return future
        self._waiting.append((item, future))
        if not self._scheduled:
            # One turn of the loop lets calls that arrived together go together.
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start)
        return future

    def _start(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._running) < self._parallel:
            count = min(self._max_items, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    async def _run(self, batch: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers: Sequence[Answer | Exception] = await self._flush([item for item, _ in batch])
        except self._divisible as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._run(batch[:middle])
                await self._run(batch[middle:])
                return
            answers = [error]
        except Exception as error:  # noqa: BLE001 - every caller gets it
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            _settle(future, answer)


def _settle(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
