"""Takes work in hand: from messages, and from the ledger when its time has come."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import asyncpg

from libs.clock import Clock
from libs.failpoints import failpoint
from libs.messaging.topology import CLAIMED
from libs.postgres.transaction import Connection, in_transaction
from services.dispatch import wire
from services.dispatch.domain.models import ClaimedDelivery, DeliveryBatch
from services.dispatch.store import EventOutbox, Ledger
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.publish_events import PublishEvents

_log = logging.getLogger(__name__)

_SWEEP = 200


class ClaimWork:
    """The claim and the fact that states it are one transaction; then the message is done with."""

    def __init__(
        self,
        *,
        pool: asyncpg.Pool[asyncpg.Record],
        ledger: Ledger,
        events: EventOutbox,
        publish: PublishEvents,
        lanes: Mapping[int, Lane],
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._events = events
        self._publish = publish
        self._lanes = lanes
        self._clock = clock

    async def claim_message(self, batch: DeliveryBatch) -> None:
        """Waits for room and claims a message's deliveries. Seen before: states the claim again."""
        lane = self._lanes[batch.channel]
        await lane.reserve(len(batch.tasks))
        claimed: list[ClaimedDelivery] = []
        batch_id, payload = wire.claimed_event(batch.outbox_id, now=self._clock.now())

        async def work(connection: Connection) -> list[ClaimedDelivery]:
            new = await self._ledger.claim_tasks(connection, batch)
            await self._events.add(connection, batch_id, CLAIMED, payload)
            return new

        try:
            failpoint("dispatch.claiming")
            claimed = await in_transaction(self._pool, work)
            failpoint("dispatch.claimed")
        finally:
            await lane.free(len(batch.tasks) - len(claimed))
        lane.put(claimed)
        self._publish.soon(batch_id, CLAIMED, payload)

    async def claim_due(self) -> None:
        """Claims what is due again, as far as there is room."""
        for lane in self._lanes.values():
            while room := lane.try_reserve(_SWEEP):
                claimed: list[ClaimedDelivery] = []
                try:
                    claimed = await self._ledger.claim_due(lane.channel, limit=room)
                finally:
                    await lane.free(room - len(claimed))
                lane.put(claimed)
                if len(claimed) < room:
                    break
