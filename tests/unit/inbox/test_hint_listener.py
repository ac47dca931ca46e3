from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

from redis.exceptions import ConnectionError as RedisConnectionError

from services.inbox.domain.hints import Hint
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position
from services.inbox.entrypoints.hint_listener import HintListener
from services.inbox.usecases.hub import Hub, Stream

ALICE = InboxKey("acme", "alice")


class Channel:
    """Confirms and breaks its subscriptions as it is told: None, a hint, or an error."""

    def __init__(self) -> None:
        self.script: asyncio.Queue[Hint | Exception | None] = asyncio.Queue()

    async def listen(self) -> AsyncGenerator[Hint | None, None]:
        while True:
            step = await self.script.get()
            if isinstance(step, Exception):
                raise step
            yield step


class Stage:
    """A listener with a stream, and a count of the checks of all heads."""

    def __init__(self) -> None:
        self.channel = Channel()
        self.hub = Hub(most_streams=9)
        self.stream = Stream(stream_id="1", key=ALICE, device_id="phone")
        self.checks = 0
        self.checked = asyncio.Event()
        self.listener = HintListener(
            self.channel,  # type: ignore[arg-type]
            self.hub,
            self.check,  # type: ignore[arg-type]
            poll_interval=timedelta(milliseconds=1),
        )

    async def check(self) -> None:
        self.checks += 1
        self.checked.set()

    async def next_check(self) -> None:
        self.checked.clear()
        async with asyncio.timeout(2):
            await self.checked.wait()


async def test_each_confirmed_subscription_checks_all_heads() -> None:
    stage = Stage()
    listening = asyncio.create_task(stage.listener.listen())
    for confirmed in range(1, 4):
        stage.channel.script.put_nowait(None)
        await stage.next_check()
        assert stage.checks == confirmed
        stage.channel.script.put_nowait(RedisConnectionError())
    listening.cancel()


async def test_heads_are_polled_only_while_nothing_is_heard() -> None:
    stage = Stage()
    tasks = [
        asyncio.create_task(stage.listener.listen()),
        asyncio.create_task(stage.listener.poll()),
    ]
    for _ in range(3):
        await stage.next_check()
    stage.channel.script.put_nowait(None)
    with stage.hub.attached(stage.stream):
        stage.channel.script.put_nowait(Hint(moved={ALICE: Position(epoch=7, sequence=1)}))
        await stage.stream.pause(asyncio.get_running_loop().time() + 2)
        assert stage.stream.take_wake()
        heard = stage.checks
        # Many poll intervals long.
        await stage.stream.pause(asyncio.get_running_loop().time() + 0.05)
        assert stage.checks == heard
        stage.channel.script.put_nowait(Hint(opened={(ALICE, "phone"): "2"}))
        await stage.stream.pause(asyncio.get_running_loop().time() + 2)
        assert stage.stream.closing is not None
    stage.channel.script.put_nowait(RedisConnectionError())
    await stage.next_check()
    for task in tasks:
        task.cancel()
