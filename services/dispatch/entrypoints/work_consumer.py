"""Consumes work: one queue per channel and priority, and the queue of what the broker gave up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import UUID

from libs.clock import Clock, mint_uuid7
from libs.failpoints import failpoint
from libs.messaging.broker import Broker, Message, Received
from libs.messaging.topology import (
    DEAD_LETTERS_QUEUE,
    EVENT_HEADER,
    OUTBOX_ID_HEADER,
    TENANT_HEADER,
)
from services.dispatch import wire
from services.dispatch.domain.models import DeadLetter, DeadLetterReason
from services.dispatch.usecases import tell
from services.dispatch.usecases.claim_work import ClaimWork

_log = logging.getLogger(__name__)

_PREFETCH = 4


class WorkConsumer:
    """A message is acknowledged as soon as its claim is committed."""

    def __init__(
        self, *, broker: Broker, queues: Sequence[str], claim: ClaimWork, clock: Clock
    ) -> None:
        self._broker = broker
        self._queues = queues
        self._claim = claim
        self._clock = clock

    async def run(self) -> None:
        """Consumes for ever."""
        async with AsyncExitStack() as stack:
            for queue in self._queues:
                consumer = self._broker.consume(queue, self._handle, prefetch=_PREFETCH)
                await stack.enter_async_context(consumer)
            # Processes died with these in hand, so one at a time.
            suspects = self._broker.consume(DEAD_LETTERS_QUEUE, self._handle_suspect, prefetch=1)
            await stack.enter_async_context(suspects)
            await asyncio.Event().wait()

    async def _handle(self, received: Received) -> None:
        await self._take(received, suspect=False)

    async def _handle_suspect(self, received: Received) -> None:
        fact = received.message.headers.get(EVENT_HEADER)
        if fact is None:
            await self._take(received, suspect=True)
        else:
            await self._bury(received.message, f"the event {fact} was given up by a subscriber")
            await received.acknowledge()

    async def _take(self, received: Received, *, suspect: bool) -> None:
        try:
            batch = wire.delivery_batch_from_bytes(received.message.body)
        except ValueError as error:
            _log.exception("work_unreadable")
            await self._bury(received.message, str(error))
        else:
            with tell.received(received.message, batch, system=self._broker.system):
                await self._claim.claim_message(batch, suspect=suspect)
        await received.acknowledge()
        failpoint("dispatch.acknowledged")

    async def _bury(self, message: Message, why: str) -> None:
        letter = DeadLetter(
            dead_letter_id=mint_uuid7(self._clock.now()),
            tenant_id=message.headers.get(TENANT_HEADER, ""),
            reason=DeadLetterReason.UNREADABLE,
            detail=why,
            body=message.body,
        )
        await self._claim.bury(letter, _uuid(message.headers.get(OUTBOX_ID_HEADER, "")))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
