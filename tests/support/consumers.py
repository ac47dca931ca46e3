"""Consumers for tests of brokers, which wait for what they expect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from libs.messaging.broker import Received


class Collector:
    """Acknowledges all that comes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.redelivered: list[bool] = []
        self._changed = asyncio.Event()

    async def __call__(self, received: Received) -> None:
        self.bodies.append(received.message.body)
        self.headers.append(received.message.headers)
        self.redelivered.append(received.redelivered)
        await received.acknowledge()
        self._changed.set()

    async def until(self, count: int, *, within: float = 10) -> list[bytes]:
        """Returns the bodies, sorted, when there are `count`."""
        async with asyncio.timeout(within):
            while len(self.bodies) < count:
                self._changed.clear()
                await self._changed.wait()
        return sorted(self.bodies)


class Holder(Collector):
    """Keeps all that comes in hand, unsettled."""

    async def __call__(self, received: Received) -> None:
        self.bodies.append(received.message.body)
        self._changed.set()
        await asyncio.Event().wait()
