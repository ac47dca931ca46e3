"""Events that cannot be committed now are held, and let go when the process ends."""

from __future__ import annotations

import asyncio

import pytest

from libs.errors import DependencyUnavailable
from services.tracking.domain.models import Stated
from services.tracking.usecases.record_events import RecordEvents


class Away:
    """A store that is away so many times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.asked = asyncio.Event()

    async def record(self, deliveries: object, facts: object) -> None:
        self.asked.set()
        if self.left:
            self.left -= 1
            raise DependencyUnavailable("postgresql")


async def test_what_is_held_is_recorded_when_the_tables_are_back() -> None:
    store = Away(2)
    record = RecordEvents(store=store)  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        assert await record([Stated(), Stated()]) == [None, None]
    assert store.left == 0


async def test_nothing_is_held_once_it_is_stopped() -> None:
    store = Away(1_000_000)
    record = RecordEvents(store=store)  # type: ignore[arg-type]
    recording = asyncio.create_task(record([Stated()]))
    async with asyncio.timeout(10):
        await store.asked.wait()
        await record.stop()
        with pytest.raises(DependencyUnavailable):
            await recording
