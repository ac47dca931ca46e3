"""The tables of ingestion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction
from services.ingestion.domain.credit import CreditKey
from services.ingestion.domain.models import (
    Acceptance,
    Lane,
    Notification,
    NotificationState,
    OutboxMessage,
    PastRequest,
    StoredNotification,
)

_SQL = load_queries("services.ingestion")

RequestKey = tuple[str, str]
"""Tenant and request id."""
PlanRow = tuple[UUID, int, NotificationState, bytes | None]
"""Notification, revision, the state the plan leads to, the plan's document."""


class NotificationStore:
    """Notifications and the request ids that brought them."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        *,
        claim_deadline: timedelta,
    ) -> None:
        self._pool = pool
        self._claim_deadline = claim_deadline

    async def find_requests(self, keys: Sequence[RequestKey]) -> dict[RequestKey, PastRequest]:
        """Returns those of the requests that were answered before."""
        rows = await self._pool.fetch(
            _SQL["find_requests"], [key[0] for key in keys], [key[1] for key in keys]
        )
        return {
            (row["tenant_id"], row["request_id"]): PastRequest(
                payload_hash=row["payload_hash"],
                notification_id=row["notification_id"],
                estimated_delivery_time=row["estimated_delivery_time"],
            )
            for row in rows
        }

    async def accept(self, batch: Sequence[Acceptance], owners: Sequence[UUID | None]) -> set[UUID]:
        """Commits those whose request id is new, each claimed by its owner; returns their ids."""

        async def work(connection: Connection) -> set[UUID]:
            rows = await connection.fetch(_SQL["insert_requests"], *_request_columns(batch))
            new = {row["notification_id"] for row in rows}
            fresh = [
                (item, owner)
                for item, owner in zip(batch, owners, strict=True)
                if item.notification.notification_id in new
            ]
            if fresh:
                await connection.execute(
                    _SQL["insert_notifications"],
                    *_notification_columns([item for item, _ in fresh]),
                    self._claim_deadline,
                    [item.notification.channel_mask for item, _ in fresh],
                    [owner for _, owner in fresh],
                )
            return new

        return await in_transaction(self._pool, work)

    async def claim_waiting(
        self, *, owner: UUID, lane_limit: int, window: int, lanes: int
    ) -> list[Notification]:
        """Claims what is due and in nobody's hands: from up to `lanes` lanes up to `lane_limit`
        each, as far as the lane's window has room."""
        rows = await self._pool.fetch(
            _SQL["claim_waiting"], owner, self._claim_deadline, lane_limit, window, lanes
        )
        return [_notification(row) for row in rows]

    async def waiting_lanes(self) -> set[Lane]:
        """Returns the lanes in which something due is in nobody's hands."""
        return {tuple(row) for row in await self._pool.fetch(_SQL["waiting_lanes"])}

    async def disown_orphans(self, *, limit: int) -> int:
        """Takes notifications out of dead hands; returns how many."""
        return _count(await self._pool.execute(_SQL["disown_orphans"], limit))

    async def release(self, ids: Sequence[UUID], *, owner: UUID, pause: timedelta) -> None:
        """Gives claims back; the notifications are due again after `pause`."""
        await self._pool.execute(_SQL["release_claims"], ids, owner, pause)

    async def read(self, notification_id: UUID, *, tenant_id: str) -> StoredNotification | None:
        """Returns a tenant's notification."""
        row = await self._pool.fetchrow(_SQL["read_notification"], notification_id, tenant_id)
        if row is None:
            return None
        fields = dict(row)
        fields["requested_channels"] = tuple(fields["requested_channels"])
        fields["state"] = NotificationState(fields["state"])
        return StoredNotification(**fields)

    async def forget_requests(self, *, older_than: timedelta, limit: int) -> int:
        """Deletes up to `limit` request ids that are old enough; returns how many."""
        return _count(await self._pool.execute(_SQL["delete_old_requests"], older_than, limit))


class PlanStore:
    """Plans and the outbox of the messages that they ask for."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        *,
        republish_interval: timedelta,
        republish_ceiling: timedelta,
    ) -> None:
        self._pool = pool
        self._republish_interval = republish_interval
        self._republish_ceiling = republish_ceiling

    async def store(
        self, connection: Connection, plans: Sequence[PlanRow], *, owner: UUID
    ) -> set[UUID]:
        """Stores plans of notifications that `owner` still holds; returns those it stored."""
        rows = await connection.fetch(
            _SQL["store_plans"],
            [plan[0] for plan in plans],
            [plan[1] for plan in plans],
            [plan[2].value for plan in plans],
            [plan[3] for plan in plans],
            owner,
        )
        return {row["notification_id"] for row in rows}

    async def add_messages(self, connection: Connection, messages: Sequence[OutboxMessage]) -> None:
        """Stores messages in the transaction of their plans."""
        await connection.execute(
            _SQL["insert_outbox"],
            [message.outbox_id for message in messages],
            [message.tenant_id for message in messages],
            [message.channel for message in messages],
            [message.priority for message in messages],
            [message.delivery_count for message in messages],
            [message.payload for message in messages],
            self._republish_interval,
        )

    async def used_credit(self) -> dict[CreditKey, int]:
        """Returns how many deliveries are on their way, where there are any."""
        rows = await self._pool.fetch(_SQL["used_credit"])
        return {
            (row["tenant_id"], row["priority"], row["channel"]): row["deliveries"] for row in rows
        }

    async def take_unclaimed(self, *, limit: int) -> list[tuple[UUID, int, int, bytes]]:
        """Returns messages to publish again: id, channel, priority, payload."""
        rows = await self._pool.fetch(
            _SQL["take_unclaimed"], self._republish_interval, self._republish_ceiling, limit
        )
        return [tuple(row) for row in rows]

    async def republish_all_now(self) -> None:
        """Makes every message due."""
        await self._pool.execute(_SQL["republish_all_now"])

    async def finish(self, outbox_ids: Sequence[UUID]) -> list[datetime]:
        """Deletes messages whose deliveries are claimed; returns when each was created."""
        rows = await self._pool.fetch(_SQL["finish_outbox"], outbox_ids)
        return [row["create_time"] for row in rows]


def _count(status: str) -> int:
    """Returns the number of rows in a command tag such as `UPDATE 3`."""
    return int(status.rsplit(" ", 1)[1])


def _request_columns(batch: Sequence[Acceptance]) -> list[list[object]]:
    return [
        [item.submission.tenant_id for item in batch],
        [item.submission.request_id for item in batch],
        [item.submission.payload_hash for item in batch],
        [item.notification.notification_id for item in batch],
        [item.estimated_delivery_time for item in batch],
        [item.notification.accept_time for item in batch],
    ]


def _notification_columns(batch: Sequence[Acceptance]) -> list[list[object]]:
    rows = [item.notification for item in batch]
    return [
        [row.notification_id for row in rows],
        [row.tenant_id for row in rows],
        [row.recipient_id for row in rows],
        [row.category for row in rows],
        [row.template_name for row in rows],
        [row.template_version for row in rows],
        # An array of arrays must be rectangular, so lists travel as text.
        [",".join(map(str, row.content_channels)) for row in rows],
        [row.variables for row in rows],
        [",".join(map(str, row.requested_channels)) for row in rows],
        [row.priority for row in rows],
        [row.guarantee for row in rows],
        [item.submission.metadata for item in batch],
        [row.traceparent for row in rows],
        [row.accept_time for row in rows],
        [row.expire_time for row in rows],
    ]


def _notification(row: asyncpg.Record) -> Notification:
    fields = dict(row)
    fields["content_channels"] = tuple(fields["content_channels"])
    fields["requested_channels"] = tuple(fields["requested_channels"])
    return Notification(**fields)
