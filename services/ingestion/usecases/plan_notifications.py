"""Plans notifications: stores each plan with the messages it asks for, then publishes them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from uuid import UUID

import asyncpg

from libs.clock import Clock, mint_uuid7
from libs.errors import DependencyUnavailable
from libs.postgres.transaction import Connection, in_transaction
from services.ingestion import wire
from services.ingestion.clients import Planner
from services.ingestion.domain.delivery_ids import delivery_id
from services.ingestion.domain.models import (
    Notification,
    NotificationState,
    OutboxMessage,
    Plan,
    PlannedDelivery,
)
from services.ingestion.store import NotificationStore, PlanStore
from services.ingestion.usecases.hand_over import HandOver
from services.ingestion.usecases.publish_deliveries import PublishDeliveries

_log = logging.getLogger(__name__)

BATCH = 200
"""Notifications planned together, and deliveries in one message, at most."""

Lane = tuple[str, int, int]
"""Tenant, channel, priority: what one message is about."""


class PlanNotifications:
    """Plans what was accepted here, and what other processes left behind."""

    def __init__(
        self,
        *,
        pool: asyncpg.Pool[asyncpg.Record],
        notifications: NotificationStore,
        plans: PlanStore,
        planner: Planner,
        publish: PublishDeliveries,
        hand_over: HandOver,
        clock: Clock,
        owner: Callable[[], UUID],
        pause: timedelta,
    ) -> None:
        self._pool = pool
        self._notifications = notifications
        self._plans = plans
        self._planner = planner
        self._publish = publish
        self._hand_over = hand_over
        self._clock = clock
        self._owner = owner
        self._pause = pause

    async def run(self) -> None:
        """Plans what acceptance hands over, for ever."""
        while True:
            await self._plan(await self._hand_over.take(BATCH))

    async def sweep(self) -> None:
        """Claims and plans what is due and in nobody's hands."""
        while found := await self._notifications.claim_due(owner=self._owner(), limit=BATCH):
            await self._plan(found)
            if len(found) < BATCH:
                return

    async def _plan(self, batch: Sequence[Notification]) -> None:
        try:
            plans = await self._decide(batch)
        except DependencyUnavailable:
            _log.warning("planning_waits", extra={"notifications": len(batch)})
            await self._notifications.release(
                [n.notification_id for n in batch], owner=self._owner(), pause=self._pause
            )
            return
        messages = await in_transaction(self._pool, lambda c: self._store(c, batch, plans))
        await self._publish(messages)

    async def _decide(self, batch: Sequence[Notification]) -> list[Plan]:
        now = self._clock.now()
        live = [n for n in batch if n.expire_time > now]
        plans = iter(await self._planner.plan(live) if live else [])
        expired = Plan(state=NotificationState.EXPIRED, deliveries=(), document=b"")
        return [next(plans) if n.expire_time > now else expired for n in batch]

    async def _store(
        self, connection: Connection, batch: Sequence[Notification], plans: Sequence[Plan]
    ) -> list[OutboxMessage]:
        rows = [
            (n.notification_id, n.revision, plan.state, plan.document or None)
            for n, plan in zip(batch, plans, strict=True)
        ]
        stored = await self._plans.store(connection, rows, owner=self._owner())
        planned = [
            (notification, delivery)
            for notification, plan in zip(batch, plans, strict=True)
            if notification.notification_id in stored
            for delivery in plan.deliveries
        ]
        messages = list(self._messages(planned))
        if messages:
            await self._plans.add_messages(connection, messages)
        return messages

    def _messages(
        self, planned: Iterable[tuple[Notification, PlannedDelivery]]
    ) -> Iterator[OutboxMessage]:
        lanes: dict[Lane, list[tuple[Notification, PlannedDelivery]]] = defaultdict(list)
        for notification, delivery in planned:
            lane = (notification.tenant_id, delivery.channel, notification.priority)
            lanes[lane].append((notification, delivery))
        for (tenant_id, channel, priority), members in lanes.items():
            remaining = iter(members)
            while chunk := list(islice(remaining, BATCH)):
                outbox_id = mint_uuid7(self._clock.now())
                tasks = [
                    wire.delivery_task_to_proto(n, delivery, _id_of(n, delivery))
                    for n, delivery in chunk
                ]
                yield OutboxMessage(
                    outbox_id=outbox_id,
                    tenant_id=tenant_id,
                    channel=channel,
                    priority=priority,
                    delivery_count=len(chunk),
                    payload=wire.delivery_batch_to_proto(
                        outbox_id, tenant_id, channel, priority, tasks
                    ),
                )


def _id_of(notification: Notification, delivery: PlannedDelivery) -> UUID:
    return delivery_id(
        notification.notification_id,
        revision=notification.revision,
        step=0,
        channel=delivery.channel,
        endpoint=delivery.endpoint,
    )
