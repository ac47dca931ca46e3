"""Plans notifications: stores each plan with the messages it asks for, then publishes them."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from uuid import UUID

from libs.clock import Clock, mint_uuid7
from libs.errors import DependencyUnavailable
from libs.failpoints import failpoint
from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection, in_transaction
from libs.telemetry import names
from services.ingestion.clients import Planner
from services.ingestion.domain.credit import split_by_credit
from services.ingestion.domain.delivery_ids import id_of_planned
from services.ingestion.domain.models import (
    Notification,
    NotificationState,
    OutboxMessage,
    Plan,
    PlannedDelivery,
)
from services.ingestion.store.notifications import NotificationStore
from services.ingestion.store.plans import PlanStore
from services.ingestion.usecases import tell
from services.ingestion.usecases.hand_over import HandOver
from services.ingestion.usecases.publish_deliveries import PublishDeliveries
from services.ingestion.wire.messages import delivery_batch_to_proto, delivery_task_to_proto

_log = logging.getLogger(__name__)

BATCH = 200
"""Notifications planned together, and deliveries in one message, at most."""

MessageKey = tuple[str, int, int]
"""Tenant, channel, priority: what one message is about."""


class PlanNotifications:
    """Turns claimed notifications into stored plans and messages."""

    def __init__(
        self,
        *,
        pool: Pool,
        notifications: NotificationStore,
        plans: PlanStore,
        planner: Planner,
        publish: PublishDeliveries,
        hand_over: HandOver,
        clock: Clock,
        owner: Callable[[], UUID],
        pause: timedelta,
        window: int,
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
        self._window = window

    async def run(self) -> None:
        """Plans what acceptance hands over, for ever; one batch is published while the next is planned."""
        publishing = _nothing()
        try:
            while True:
                batch = await self._hand_over.take(BATCH)
                try:
                    begun = await self.plan_within_credit(batch)
                    await publishing
                except Exception:
                    # Planning again is harmless: what is planned already is no longer ours.
                    self._hand_over.put_back(batch)
                    raise
                publishing = begun
        except asyncio.CancelledError:
            publishing.cancel()
            raise

    async def plan(self, batch: Sequence[Notification]) -> None:
        """Plans notifications that this process has claimed, and publishes what they ask for."""
        await (await self._plan(batch))

    async def plan_within_credit(self, batch: Sequence[Notification]) -> asyncio.Future[None]:
        """Plans what fits in the windows of its lanes; the rest waits in the table. Returns when the plans are
        stored, with what ends when their messages are published."""
        fit, wait = split_by_credit(batch, await self._plans.used_credit(), window=self._window)
        if wait:
            self._hand_over.close({notification.lane for notification in wait})
            await self._release(wait, pause=timedelta())
        return await self._plan(fit) if fit else _nothing()

    async def _plan(self, batch: Sequence[Notification]) -> asyncio.Future[None]:
        """As `plan_within_credit`, whatever the windows."""
        with tell.planning(batch):
            try:
                plans = await self._decide(batch)
            except DependencyUnavailable:
                _log.warning("planning_waits", extra={"notifications": len(batch)})
                await self._release(batch, pause=self._pause)
                return _nothing()
            failpoint("ingestion.decided")
            with tell.storing(batch, names.STORE_PLANS) as stored:
                new, messages = await in_transaction(
                    self._pool, lambda c: self._store(c, batch, plans)
                )
            tell.planned(batch, plans, new, stored)
            failpoint("ingestion.planned")
            return asyncio.ensure_future(self._publish_stored(messages))

    async def _publish_stored(self, messages: Sequence[OutboxMessage]) -> None:
        await self._publish(messages)
        failpoint("ingestion.published")

    async def _release(self, batch: Sequence[Notification], *, pause: timedelta) -> None:
        await self._notifications.release(
            [n.notification_id for n in batch], owner=self._owner(), pause=pause
        )

    async def _decide(self, batch: Sequence[Notification]) -> list[Plan]:
        now = self._clock.now()
        live = [n for n in batch if n.expire_time > now]
        plans = iter(await self._planner.plan(live) if live else [])
        expired = Plan(state=NotificationState.EXPIRED, deliveries=(), document=b"")
        return [next(plans) if n.expire_time > now else expired for n in batch]

    async def _store(
        self, connection: Connection, batch: Sequence[Notification], plans: Sequence[Plan]
    ) -> tuple[set[UUID], list[OutboxMessage]]:
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
            messages = await self._plans.add_messages(connection, messages)
        return stored, messages

    def _messages(
        self, planned: Iterable[tuple[Notification, PlannedDelivery]]
    ) -> Iterator[OutboxMessage]:
        groups: dict[MessageKey, list[tuple[Notification, PlannedDelivery]]] = defaultdict(list)
        for notification, delivery in planned:
            key = (notification.tenant_id, delivery.channel, notification.priority)
            groups[key].append((notification, delivery))
        for (tenant_id, channel, priority), members in groups.items():
            remaining = iter(members)
            while chunk := list(islice(remaining, BATCH)):
                outbox_id = mint_uuid7(self._clock.now())
                tasks = [
                    delivery_task_to_proto(n, delivery, _id_of(n, delivery))
                    for n, delivery in chunk
                ]
                yield OutboxMessage(
                    outbox_id=outbox_id,
                    tenant_id=tenant_id,
                    channel=channel,
                    priority=priority,
                    delivery_count=len(chunk),
                    payload=delivery_batch_to_proto(outbox_id, tenant_id, channel, priority, tasks),
                    traceparents=tell.traceparents_of([notification for notification, _ in chunk]),
                )


def _nothing() -> asyncio.Future[None]:
    """Returns what has ended."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    ended.set_result(None)
    return ended


def _id_of(notification: Notification, delivery: PlannedDelivery) -> UUID:
    return id_of_planned(notification.notification_id, notification.revision, delivery)
