"""Batches that follow load by themselves: alone when idle, together when busy, never delayed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Generic, Self, TypeAlias, TypeVar

from libs.errors import Overloaded

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Call(Generic[Answer]):
    """The items that one caller waits for, of which flushes may take some each."""

    __slots__ = ("answers", "missing", "settled")

    def __init__(self, size: int) -> None:
        self.answers: list[Answer | BaseException] = [_UNANSWERED] * size
        self.missing = size
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, place: int, answer: Answer | BaseException) -> None:
        """Answers one item; the last has the caller go on, if it still waits."""
        self.answers[place] = answer
        self.missing -= 1
        if not self.missing and not self.settled.done():
            self.settled.set_result(None)


_UNANSWERED = RuntimeError("there is no answer yet")
_Waiting: TypeAlias = tuple[Item, _Call[Answer], int]


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
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
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
        (answer,) = await self.submit_all([item])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def submit_all(self, items: Sequence[Item]) -> list[Answer | BaseException]:
        """Returns an answer or an error per item, in order."""
        call: _Call[Answer] = _Call(len(items))
        room = self._max_waiting - len(self._waiting)
        for place, item in enumerate(items):
            if place < room:
                self._waiting.append((item, call, place))
            else:
                call.settle(place, Overloaded("too many requests are waiting"))
        if self._waiting and not self._scheduled:
            # One turn of the loop lets calls that arrived together go together.
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start)
        if call.missing:
            await call.settled
        return call.answers

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

    async def _run(self, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        try:
            answers: Sequence[Answer | Exception] = await self._flush(
                [item for item, _, _ in batch]
            )
        except self._divisible as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._run(batch[:middle])
                await self._run(batch[middle:])
                return
            answers = [error]
        except Exception as error:  # noqa: BLE001 - every caller gets it
            answers = [error] * len(batch)
        for (_, call, place), answer in zip(batch, answers, strict=True):
            call.settle(place, answer)
