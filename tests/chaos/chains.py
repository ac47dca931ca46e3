"""Chains of sends with one collapse key, each the next word on the same thing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from tests.chaos.sends import Composer, Send

_LONGEST = 4
_AT_ONCE = 0.25
_MEAN_GAP = 0.25


@dataclass(frozen=True, slots=True)
class Chains:
    """Composes and sends chains, to recipients who do not change their minds."""

    composer: Composer
    send_one: Callable[[Send], Coroutine[None, None, None]]

    def compose(self) -> list[Send]:
        """Draws 2 to 4 sends of a key of its own."""
        chance = self.composer.chance
        tenant = self.composer.tenant()
        recipient = chance.choice(tenant.steady)
        key = f"key-{len(self.composer.sends)}"
        chain = [self.composer.send(tenant, recipient) for _ in range(chance.randint(2, _LONGEST))]
        for send in chain:
            send.request.collapse_key = key
            send.repeated = chance.random() < self.composer.repeated
            # A word for later and a word for now would be two promises of one notification.
            send.request.ClearField("send_time")
        return chain

    async def send(self, chain: list[Send]) -> None:
        """Sends one after the other into whatever dispatch does with the last, or all at once."""
        chance = self.composer.chance
        if chance.random() < _AT_ONCE:
            async with asyncio.TaskGroup() as group:
                for send in chain:
                    group.create_task(self.send_one(send))
            return
        gaps = [chance.expovariate(1 / _MEAN_GAP) for _ in chain]
        for send, gap in zip(chain, gaps, strict=True):
            await self.send_one(send)
            await asyncio.sleep(gap)
