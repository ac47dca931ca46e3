"""Consumes the facts that the other services publish."""

from __future__ import annotations

import asyncio
import logging

import asyncpg

from libs.batching import Batcher
from libs.failpoints import failpoint
from libs.messaging.broker import Broker, Received
from libs.messaging.topology import TRACKING_QUEUE
from services.tracking.domain.models import Stated
from services.tracking.wire.events import stated_from_bytes

_log = logging.getLogger(__name__)

PREFETCH = 32

DIVISIBLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""Errors of one event that must not take others along."""


class EventsConsumer:
    """An event is acknowledged when it is committed. One that can never be lies with the dead
    letters, with its bytes."""

    def __init__(self, *, broker: Broker, recording: Batcher[Stated, None]) -> None:
        self._broker = broker
        self._recording = recording

    async def run(self) -> None:
        """Consumes for ever."""
        async with self._broker.consume(TRACKING_QUEUE, self._handle, prefetch=PREFETCH):
            await asyncio.Event().wait()

    async def _handle(self, received: Received) -> None:
        try:
            stated = stated_from_bytes(received.message.body)
            failpoint("tracking.received")
            await self._recording.submit(stated)
        except (ValueError, *DIVISIBLE):
            _log.exception("event_refused")
            await received.reject(requeue=False)
            return
        failpoint("tracking.recorded")
        await received.acknowledge()
