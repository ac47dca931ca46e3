"""Consumes work: one queue per channel and priority."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack

from libs.failpoints import failpoint
from libs.messaging.broker import Broker, Received
from services.dispatch import wire
from services.dispatch.usecases.claim_work import ClaimWork

_log = logging.getLogger(__name__)

_PREFETCH = 4


class WorkConsumer:
    """A message is acknowledged as soon as its claim is committed."""

    def __init__(self, *, broker: Broker, queues: Sequence[str], claim: ClaimWork) -> None:
        self._broker = broker
        self._queues = queues
        self._claim = claim

    async def run(self) -> None:
        """Consumes for ever."""
        async with AsyncExitStack() as stack:
            for queue in self._queues:
                consumer = self._broker.consume(queue, self._handle, prefetch=_PREFETCH)
                await stack.enter_async_context(consumer)
            await asyncio.Event().wait()

    async def _handle(self, received: Received) -> None:
        try:
            batch = wire.delivery_batch_from_bytes(received.message.body)
        except ValueError:
            _log.exception("work_unreadable", extra={"headers": dict(received.message.headers)})
            await received.reject(requeue=False)
            return
        await self._claim.claim_message(batch)
        await received.acknowledge()
        failpoint("dispatch.acknowledged")
