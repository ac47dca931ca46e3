"""Who comes next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from math import inf

import pytest

from services.template.clients.turns import TurnMissed, Turns


class Queue:
    """Turns, and callers who hold them until they are told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.callers: dict[str, asyncio.Task[None]] = {}

    async def ask(self, caller: str, *, until: float = inf) -> None:
        """Lets a caller ask, named by its tenant and a number: `a1`."""
        self.ends[caller] = asyncio.Event()
        self.callers[caller] = asyncio.create_task(self._hold(caller, until))
        # Begun when this task goes on: tasks run in their order.
        await asyncio.sleep(0)

    async def _hold(self, caller: str, until: float) -> None:
        async with self.turns.of(caller[0], until=until):
            self.begun.append(caller)
            await self.ends[caller].wait()

    async def end(self, caller: str, *, cost: int = 0) -> None:
        """Ends a caller's turn; who was next has begun."""
        self.turns.spent += cost
        self.ends[caller].set()
        await self.callers[caller]
        await asyncio.sleep(0)

    async def cancel(self, *callers: str) -> None:
        for caller in callers:
            self.callers[caller].cancel()
        await asyncio.wait([self.callers[caller] for caller in callers])
        assert all(self.callers[caller].cancelled() for caller in callers)
        await asyncio.sleep(0)

    async def missed(self, caller: str) -> None:
        with pytest.raises(TurnMissed):
            await self.callers[caller]


@asynccontextmanager
async def queue(*callers: str, at_once: int = 1) -> AsyncIterator[Queue]:
    async with AsyncExitStack() as stack:
        opened = Queue(Turns(at_once=at_once))
        for caller in callers:
            await opened.ask(caller)
        stack.callback(lambda: [task.cancel() for task in opened.callers.values()])
        yield opened


async def test_one_tenants_crowd_is_one_turn_to_the_others() -> None:
    async with queue("a1", "a2", "a3", "a4", "b1") as q:
        for caller in ("a1", "b1", "a2", "a3"):
            await q.end(caller)
        assert q.begun == ["a1", "b1", "a2", "a3", "a4"]


async def test_whose_last_turn_is_longest_ago_is_next() -> None:
    async with queue("a1", "b1", "c1") as q:
        await q.end("a1")
        # A asks again, and is behind C, and D before all, who never had a turn.
        for caller in ("a2", "d1"):
            await q.ask(caller)
        for caller in ("b1", "c1", "d1"):
            await q.end(caller)
        assert q.begun == ["a1", "b1", "c1", "d1", "a2"]


async def test_who_went_away_keeps_the_place() -> None:
    async with queue("a1", "b1", "a2") as q:
        await q.cancel("b1")
        await q.end("a1")
        await q.ask("a3")
        await q.ask("b2")
        await q.end("a2")
        assert q.begun == ["a1", "a2", "b2"]


async def test_a_tenant_has_one_turn_however_many_there_are() -> None:
    async with queue("a1", "a2", "b1", "c1", at_once=2) as q:
        assert q.begun == ["a1", "b1"]
        await q.end("b1")
        assert q.begun == ["a1", "b1", "c1"]
        await q.end("a1")
        assert q.begun == ["a1", "b1", "c1", "a2"]


async def test_who_can_wait_no_longer_misses_the_turn() -> None:
    async with queue("a1") as q:
        await q.ask("b1", until=10)
        await q.ask("a2", until=10)
        await q.ask("c1", until=11)
        await q.end("a1", cost=10)
        await q.missed("b1")
        await q.missed("a2")
        assert q.begun == ["a1", "c1"]
        await q.ask("b2", until=10)
        await q.missed("b2")


async def test_who_is_cancelled_in_the_moment_of_the_turn_passes_it_on() -> None:
    async with queue("a1", "b1", "c1") as q:
        # Granted to B, who is cancelled before it runs again.
        q.ends["a1"].set()
        await asyncio.sleep(0)
        await q.cancel("b1")
        assert q.begun == ["a1", "c1"]


async def test_who_is_cancelled_with_a_missed_turn_passes_nothing_on() -> None:
    async with queue("a1") as q:
        await q.ask("b1", until=10)
        await q.ask("c1")
        await q.ask("d1")
        q.turns.spent = 10
        q.ends["a1"].set()
        await asyncio.sleep(0)
        await q.cancel("b1")
        assert q.begun == ["a1", "c1"]
