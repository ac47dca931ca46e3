"""Takes work in hand: from messages, and from the ledger when its time has come."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from uuid import UUID

from libs.clock import Clock
from libs.events import EventOutbox
from libs.failpoints import failpoint
from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection, in_transaction
from services.dispatch import wire
from services.dispatch.domain.models import ClaimedDelivery, DeadLetter, DeliveryBatch
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases import tell
from services.dispatch.usecases.lane import Lane

_log = logging.getLogger(__name__)

_SWEEP = 200

LaneKey = tuple[int, int]
"""Channel and priority."""


class ClaimWork:
    """The claim and the fact that states it are one transaction; then the message is done with."""

    def __init__(
        self,
        *,
        pool: Pool,
        ledger: Ledger,
        events: EventOutbox,
        dead_letters: DeadLetterStore,
        lanes: Mapping[LaneKey, Lane],
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._events = events
        self._dead_letters = dead_letters
        self._lanes = lanes
        self._clock = clock

    async def claim_message(self, batch: DeliveryBatch, *, suspect: bool = False) -> None:
        """Waits for room and claims a message's deliveries. Seen before: states the claim again.

        `suspect`: processes died with the message in hand, so each delivery is worked on alone.
        """
        begun = time.time_ns()
        lane = self._lanes[batch.channel, batch.priority]
        await lane.room.take(len(batch.tasks))
        claimed: list[ClaimedDelivery] = []
        event = wire.claimed_event(
            batch.outbox_id, now=self._clock.now(), publication=batch.publication
        )

        async def work(connection: Connection) -> list[ClaimedDelivery]:
            new = await self._ledger.claim_tasks(connection, batch, suspect=suspect)
            await self._events.add(connection, event)
            return new

        try:
            failpoint("dispatch.claiming")
            with tell.claiming(len(batch.tasks)) as sql:
                claimed = await in_transaction(self._pool, work)
            failpoint("dispatch.claimed")
            tell.claimed(claimed, begun=begun, sql=sql)
        finally:
            await lane.room.give(from_messages=len(batch.tasks) - len(claimed))
        lane.put(claimed)
        self._events.publish_soon(event)

    async def bury(self, letter: DeadLetter, outbox_id: UUID | None) -> None:
        """Keeps what cannot be read. That counts as a claim: its outbox row is finished."""
        event = outbox_id and wire.claimed_event(outbox_id, now=self._clock.now())

        async def work(connection: Connection) -> None:
            await self._dead_letters.add(connection, [letter])
            if event:
                await self._events.add(connection, event)

        await in_transaction(self._pool, work)
        if event:
            self._events.publish_soon(event)

    async def claim_due(self) -> None:
        """Claims what is due again, as far as there is room."""
        any_due = await self._ledger.is_any_due()
        for lane in self._lanes.values():
            # Mostly nothing is, and then one question is enough for all lanes.
            while (any_due or lane.room.owes) and (room := lane.room.take_due(_SWEEP)):
                claimed: list[ClaimedDelivery] = []
                begun = time.time_ns()
                try:
                    claimed = await self._ledger.claim_due(lane.channel, lane.priority, limit=room)
                    tell.claimed(claimed, begun=begun, sql=None)
                finally:
                    await lane.room.give(due_again=room - len(claimed))
                lane.put(claimed)
                if len(claimed) < room:
                    await lane.room.none_due()
                    break
