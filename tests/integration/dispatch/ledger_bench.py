"""A ledger on a real database, and deliveries put into any state of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from libs.clock import SystemClock
from libs.events import EventOutbox
from libs.postgres.transaction import in_transaction
from services.dispatch.domain.models import (
    EMAIL,
    IN_APP,
    WEBHOOK,
    ClaimedDelivery,
    Decision,
    DeliveryBatch,
    DeliveryState,
    DeliveryTask,
    DeliveryToCancel,
    Settlement,
)
from services.dispatch.domain.settling import RetryPolicy
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases.recover_orphans import RecoverOrphans
from tidings.event.v1.event_batch_pb2 import DeliveryChange, EventBatch

Pool = asyncpg.Pool
S = DeliveryState
Draw = Callable[[ClaimedDelivery], Awaitable[object]]
SOON = timedelta(seconds=1)
TASK = DeliveryTask(
    delivery_id=UUID(int=1),
    notification_id=UUID(int=2),
    revision=1,
    recipient_id="alice",
    category="order.shipped",
    endpoint="alice@example.com",
    locale="en",
    template_name="order-shipped",
    template_version=1,
    variables=b"",
    guarantee=1,
    accept_time=datetime.now(UTC),
    expire_time=datetime.now(UTC) + timedelta(days=1),
    traceparent="",
)


class Bench:
    """A ledger, and rows put into any state."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], owner: UUID, events: EventOutbox
    ) -> None:
        self.pool = pool
        self.owner = owner
        self.events = events
        self.ledger = Ledger(
            pool, events=events, owner=lambda: self.owner, claim_deadline=timedelta(hours=1)
        )
        self.dead_letters = DeadLetterStore(pool)

    async def row_in(self, state: DeliveryState, **columns: object) -> ClaimedDelivery:
        """Returns a delivery that was claimed, then put into `state`, due."""
        claimed = await self.claim(uuid4())
        hand = state in (S.CLAIMED, S.SENDING)
        values: dict[str, object] = {
            "state": state.value,
            "due_time": None if hand else datetime.now(UTC) - SOON,
            "sending_time": datetime.now(UTC),
            "change_time": datetime.now(UTC),
            **columns,
        }
        assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(values, 2))
        await self.pool.execute(
            f"UPDATE dispatch.deliveries SET {assignments} WHERE delivery_id = $1",  # noqa: S608
            claimed.task.delivery_id,
            *values.values(),
        )
        return claimed

    async def claim(self, delivery_id: UUID) -> ClaimedDelivery:
        batch = DeliveryBatch(
            outbox_id=uuid4(),
            tenant_id="demo",
            channel=EMAIL,
            priority=2,
            tasks=(replace(TASK, delivery_id=delivery_id),),
        )
        (claimed,) = await in_transaction(
            self.pool, lambda c: self.ledger.claim_tasks(c, batch, suspect=False)
        )
        return claimed

    async def state_of(self, delivery: ClaimedDelivery) -> DeliveryState:
        row = await self.pool.fetchval(
            "SELECT state FROM dispatch.deliveries WHERE delivery_id = $1",
            delivery.task.delivery_id,
        )
        return DeliveryState(row)

    async def stated(self) -> list[DeliveryChange]:
        """Returns what the outbox states, one event per transaction, the oldest first."""
        rows = await self.pool.fetch("SELECT payload FROM dispatch.event_outbox ORDER BY due_time")
        batches = [EventBatch.FromString(row["payload"]) for row in rows]
        assert all(len(batch.events) == 1 for batch in batches)
        return [c for batch in batches for c in batch.events[0].deliveries_changed.changes]

    async def forget(self) -> None:
        await self.pool.execute("DELETE FROM dispatch.event_outbox")
        await self.pool.execute("DELETE FROM dispatch.deliveries")
        await self.pool.execute("DELETE FROM dispatch.dead_letters")

    def settle(self, from_state: DeliveryState, to_state: DeliveryState) -> Draw:
        waits = to_state in (S.RETRY, S.PARKED)
        settlement = Settlement(state=to_state, delay=SOON if waits else None)

        async def draw(delivery: ClaimedDelivery) -> object:
            return await self.ledger.settle(
                [Decision(delivery=delivery, settlement=settlement)], from_state=from_state
            )

        return draw

    async def claim_due(self, delivery: ClaimedDelivery) -> object:
        return await self.ledger.claim_due(EMAIL, 2, limit=10)

    async def begin_sending(self, delivery: ClaimedDelivery) -> object:
        return await self.ledger.begin_sending(
            [delivery], call_timeout=SOON, render_time=datetime.now(UTC)
        )

    async def settle_late(self, delivery: ClaimedDelivery) -> object:
        await self.ledger.settle_late([(delivery.task.delivery_id, b"")])
        return None

    async def revive_unknown(self, delivery: ClaimedDelivery) -> object:
        await self.ledger.revive_unknown(limit=10)
        return None

    async def cancel(self, delivery: ClaimedDelivery) -> object:
        task = delivery.task
        return await self.ledger.cancel(
            [
                DeliveryToCancel(
                    delivery_id=task.delivery_id,
                    tenant_id="demo",
                    notification_id=task.notification_id,
                    revision=1,
                    channel=EMAIL,
                    endpoint=task.endpoint,
                    expire_time=task.expire_time,
                    recipient_id=task.recipient_id,
                    category=task.category,
                    template_name=task.template_name,
                    template_version=task.template_version,
                    accept_time=task.accept_time,
                )
            ]
        )

    async def orphan(self, delivery: ClaimedDelivery) -> object:
        await self.pool.execute(
            "UPDATE dispatch.deliveries SET claim_owner = $1 WHERE claim_owner IS NOT NULL",
            uuid4(),
        )
        return await self.recover(delivery)

    async def recover(self, delivery: ClaimedDelivery) -> object:
        # The one step of it that this is about; reviving is walked apart.
        return await in_transaction(self.pool, self.recovery().recover)

    def recovery(self) -> RecoverOrphans:
        return RecoverOrphans(
            pool=self.pool,
            ledger=self.ledger,
            dead_letters=self.dead_letters,
            policies=dict.fromkeys(
                (EMAIL, IN_APP, WEBHOOK), RetryPolicy(max_attempts=4, base=SOON, ceiling=SOON)
            ),
            max_lone_deaths=3,
            may_judge=lambda: True,
            clock=SystemClock(),
        )
