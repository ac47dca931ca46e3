"""Hints at news, beside the work and never in its way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from libs.telemetry.logs import kind_of
from services.inbox.domain.hints import Hint
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position
from services.inbox.store.hints import AWAY, HintChannel

_log = logging.getLogger(__name__)
_PATIENCE_S = 1.0


class HintSender:
    """Sends hints in the background; what comes up while one is on its way goes together.

    A hint that Redis does not take is dropped: streams look at their heads anyway.
    """

    def __init__(self, channel: HintChannel) -> None:
        self._channel = channel
        self._moved: dict[InboxKey, Position] = {}
        self._opened: dict[tuple[InboxKey, str], str] = {}
        self._pending = asyncio.Event()
        self._away = False

    def feeds_moved(self, moved: Mapping[InboxKey, Position]) -> None:
        """Tells that feeds moved."""
        if moved:
            self._moved.update(moved)
            self._pending.set()

    def stream_opened(self, key: InboxKey, device_id: str, stream_id: str) -> None:
        """Tells that a stream of a device opened."""
        self._opened[key, device_id] = stream_id
        self._pending.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._pending.wait()
            await self.flush()

    async def flush(self) -> None:
        """Sends what is pending."""
        self._pending.clear()
        hint = Hint(moved=self._moved, opened=self._opened)
        self._moved, self._opened = {}, {}
        if not hint.moved and not hint.opened:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._channel.publish(hint)
        except AWAY as error:
            if not self._away:
                _log.warning("hints_dropped", extra={"why": kind_of(error)})
            self._away = True
        else:
            self._away = False
