from __future__ import annotations

import asyncio
import logging

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from services.inbox.domain.hints import Hint
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position
from services.inbox.usecases.send_hints import HintSender

ALICE, BOB = InboxKey("acme", "alice"), InboxKey("acme", "bob")
FIRST, SECOND = Position(epoch=7, sequence=1), Position(epoch=7, sequence=2)


class Channel:
    """Keeps hints; away while `away`, and in no hurry until `ready`."""

    def __init__(self) -> None:
        self.sent: list[Hint] = []
        self.away = False
        self.ready = asyncio.Event()
        self.ready.set()
        self.asked = asyncio.Event()

    async def publish(self, hint: Hint) -> None:
        self.asked.set()
        await self.ready.wait()
        if self.away:
            raise RedisConnectionError
        self.sent.append(hint)


async def test_what_comes_up_while_one_is_on_its_way_goes_together() -> None:
    channel = Channel()
    channel.ready.clear()
    sender = HintSender(channel)  # type: ignore[arg-type]
    running = asyncio.create_task(sender.run())
    sender.feeds_moved({ALICE: FIRST})
    await channel.asked.wait()
    sender.feeds_moved({ALICE: SECOND})
    sender.feeds_moved({BOB: FIRST})
    sender.stream_opened(BOB, "phone", "0198")
    channel.ready.set()
    async with asyncio.timeout(1):
        while len(channel.sent) < 2:
            channel.asked.clear()
            await channel.asked.wait()
    running.cancel()
    assert channel.sent == [
        Hint(moved={ALICE: FIRST}),
        Hint(moved={ALICE: SECOND, BOB: FIRST}, opened={(BOB, "phone"): "0198"}),
    ]


async def test_a_hint_that_is_not_taken_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    channel = Channel()
    sender = HintSender(channel)  # type: ignore[arg-type]
    channel.away = True
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            sender.feeds_moved({ALICE: FIRST})
            await sender.flush()
    # Said once for each time that Redis is away.
    assert [record.message for record in caplog.records] == ["hints_dropped"]
    channel.away = False
    sender.feeds_moved({BOB: FIRST})
    await sender.flush()
    await sender.flush()
    assert channel.sent == [Hint(moved={BOB: FIRST})]
