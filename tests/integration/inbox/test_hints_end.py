"""The loops that speak with Redis end when they are told to, at whatever moment that is."""

from __future__ import annotations

import asyncio

import pytest

from libs.runtime.redis import open_redis
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position
from services.inbox.store.hints import HintChannel
from services.inbox.usecases.send_hints import HintSender

_TURNS = 40
"""More turns of the event loop than a hint takes to be sent and answered."""


@pytest.mark.parametrize("times", range(3))
async def test_a_cancellation_in_the_middle_of_a_hint_is_not_swallowed(
    redis_url: str, times: int
) -> None:
    moved = {InboxKey("t", "alice"): Position(epoch=1, sequence=1)}
    async with open_redis(redis_url) as redis:
        sender = HintSender(HintChannel(redis))
        for turns in range(_TURNS):
            running = asyncio.create_task(sender.run())
            sender.feeds_moved(moved)
            for _ in range(turns):
                await asyncio.sleep(0)
            running.cancel()
            _, going_on = await asyncio.wait([running], timeout=1)
            assert not going_on, f"it outlived a cancellation after {turns} turns"
