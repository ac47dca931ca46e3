"""Consumes the fact that deliveries are claimed."""

from __future__ import annotations

import asyncio
import logging

from libs.failpoints import failpoint
from libs.messaging.broker import Broker, Received
from libs.messaging.topology import CLAIMED_QUEUE
from services.ingestion.usecases.finish_claimed import FinishClaimed
from services.ingestion.wire.messages import claimed_publications

_log = logging.getLogger(__name__)

_PREFETCH = 16


class ClaimsConsumer:
    """One consumer per process."""

    def __init__(self, *, broker: Broker, finish: FinishClaimed) -> None:
        self._broker = broker
        self._finish = finish

    async def run(self) -> None:
        """Consumes for ever."""
        async with self._broker.consume(CLAIMED_QUEUE, self._handle, prefetch=_PREFETCH):
            await asyncio.Event().wait()

    async def _handle(self, received: Received) -> None:
        try:
            publications = claimed_publications(received.message.body)
        except ValueError:
            _log.exception("event_unreadable")
            await received.reject(requeue=False)
            return
        await self._finish(publications)
        failpoint("ingestion.finished")
        await received.acknowledge()
