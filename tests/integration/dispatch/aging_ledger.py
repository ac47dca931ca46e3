"""A ledger whose time can be set, and messages as often as they come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from libs.clock import derive_uuid8, mint_uuid7
from libs.events import EventOutbox
from libs.postgres.pool import Pool
from libs.postgres.transaction import in_transaction
from services.dispatch.domain.cancelling import fate_of
from services.dispatch.domain.models import (
    EMAIL,
    Decision,
    DeliveryBatch,
    DeliveryState,
    DeliveryTask,
    DeliveryToCancel,
    Fate,
    Settlement,
)
from services.dispatch.store.ledger import Ledger
from services.dispatch.store.retention import RetentionStore, ledger_weeks
from services.dispatch.usecases.delete_old import DeleteOld
from tests.support.clocks import SetClock

RETENTION = timedelta(days=30)
SENT = Settlement(state=DeliveryState.SENT)


class Planned(NamedTuple):
    """A message, as often as it comes."""

    batch: DeliveryBatch

    @property
    def ids(self) -> list[UUID]:
        return [task.delivery_id for task in self.batch.tasks]


class Dispatch:
    """A ledger whose time can be set; what PostgreSQL stamps is moved to that time afterwards."""

    def __init__(self, pool: Pool, owner: UUID, events: EventOutbox) -> None:
        self.pool = pool
        self.clock = SetClock()
        self.ledger = Ledger(
            pool, events=events, owner=lambda: owner, claim_deadline=timedelta(hours=1)
        )
        self.delete_old = DeleteOld(
            weeks=ledger_weeks(pool),
            store=RetentionStore(pool),
            retention=RETENTION,
            clock=self.clock,
        )

    def plan(
        self,
        count: int,
        *,
        accepted: datetime | None = None,
        scheduled: bool = False,
        ttl: timedelta = timedelta(hours=1),
    ) -> Planned:
        """`scheduled`: accepted then to be sent now."""
        now = self.clock.now()
        tasks = []
        for _ in range(count):
            notification_id = mint_uuid7(accepted or now)
            tasks.append(
                DeliveryTask(
                    delivery_id=derive_uuid8(notification_id, uuid4().bytes),
                    notification_id=notification_id,
                    revision=1,
                    recipient_id="alice",
                    category="order.shipped",
                    endpoint="alice@example.com",
                    locale="en",
                    template_name="order-shipped",
                    template_version=1,
                    variables=b"",
                    guarantee=1,
                    accept_time=now if scheduled else accepted or now,
                    expire_time=now + ttl,
                    traceparent="",
                )
            )
        return Planned(
            DeliveryBatch(
                outbox_id=mint_uuid7(now),
                tenant_id="demo",
                channel=EMAIL,
                priority=2,
                tasks=tuple(tasks),
            )
        )

    async def deliver(self, planned: Planned, settlement: Settlement = SENT) -> int:
        """Claims and settles what a message brings; returns how many there were to send."""
        claimed = await in_transaction(
            self.pool, lambda c: self.ledger.claim_tasks(c, planned.batch, suspect=False)
        )
        if claimed:
            decisions = [Decision(delivery=delivery, settlement=settlement) for delivery in claimed]
            await self.ledger.settle(decisions, from_state=DeliveryState.CLAIMED)
            await self._happened_now(planned.ids)
        return len(claimed)

    async def cancel(self, planned: Planned) -> list[Fate]:
        (task,) = planned.batch.tasks
        states = await self.ledger.cancel(
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
        await self._happened_now(planned.ids)
        return [fate_of(state) for state in states]

    async def _happened_now(self, ids: list[UUID]) -> None:
        await self.pool.execute(
            "UPDATE dispatch.deliveries SET claim_time = $2::timestamptz,"
            " change_time = CASE WHEN change_time IS NOT NULL THEN $2::timestamptz END"
            " WHERE delivery_id = ANY($1::uuid[])",
            ids,
            self.clock.now(),
        )

    async def weeks(self) -> set[str]:
        rows = await self.pool.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
            " WHERE inhparent = 'dispatch.deliveries'::regclass"
        )
        return {row["name"].rpartition("_")[2] for row in rows}

    async def kept(self, planned: Planned) -> int:
        count: int = await self.pool.fetchval(
            "SELECT count(*) FROM dispatch.deliveries WHERE delivery_id = ANY($1::uuid[])",
            planned.ids,
        )
        return count

    @property
    def this_week(self) -> str:
        today = self.clock.now()
        return f"{today - timedelta(days=today.weekday()):%Y%m%d}"
