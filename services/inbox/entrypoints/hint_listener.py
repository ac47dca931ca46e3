"""Listens for hints, and does without them while Redis is away."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from datetime import timedelta

from libs.telemetry.logs import kind_of
from services.inbox.store.hints import AWAY, HintChannel
from services.inbox.usecases.check_heads import CheckHeads
from services.inbox.usecases.hub import Hub

_log = logging.getLogger(__name__)


class HintListener:
    """Two loops: one listens, one polls the heads of all streams while nothing is heard."""

    def __init__(
        self,
        channel: HintChannel,
        hub: Hub,
        check_heads: CheckHeads,
        *,
        poll_interval: timedelta,
    ) -> None:
        self._channel = channel
        self._hub = hub
        self._check_heads = check_heads
        self._poll_seconds = poll_interval.total_seconds()
        self._listening = False

    async def listen(self) -> None:
        """Wakes streams as hints come; subscribes again whenever Redis was away."""
        while True:
            try:
                await self._listen()
            except AWAY as error:
                if self._listening:
                    _log.warning("hints_away", extra={"why": kind_of(error)})
            finally:
                self._listening = False
            await asyncio.sleep(self._poll_seconds)

    async def poll(self) -> None:
        """Looks at the heads now and then while nothing is heard."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            if not self._listening:
                await self._check_heads()

    async def _listen(self) -> None:
        async with aclosing(self._channel.listen()) as hints:
            async for hint in hints:
                if hint is None:
                    _log.info("hints_heard")
                    # What was published before the subscription stood was heard by nobody.
                    await self._check_heads()
                    self._listening = True
                else:
                    self._hub.wake(hint.moved)
                    self._hub.supersede(hint.opened)
