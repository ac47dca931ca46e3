"""Notifications, the request ids that brought them, and the collapse keys that name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_statement, in_transaction
from libs.postgres.week_partitions import id_bounds
from services.ingestion.domain.models import (
    Acceptance,
    Accepted,
    Lane,
    Notification,
    NotificationState,
    PastRequest,
    StoredNotification,
)
from services.ingestion.store.amending import amend_live
from services.ingestion.store.columns import notification_columns

_SQL = load_queries("services.ingestion")

RequestKey = tuple[str, str]
"""Tenant and request id."""


class NotificationStore:
    """Notifications and the request ids that brought them."""

    def __init__(
        self,
        pool: Pool,
        *,
        claim_deadline: timedelta,
    ) -> None:
        self._pool = pool
        self._claim_deadline = claim_deadline

    async def find_requests(self, keys: Sequence[RequestKey]) -> dict[RequestKey, PastRequest]:
        """Returns those of the requests that were answered before."""
        with database():
            rows = await self._pool.fetch(
                _SQL["find_requests"], [key[0] for key in keys], [key[1] for key in keys]
            )
        return {
            (row["tenant_id"], row["request_id"]): PastRequest(
                payload_hash=row["payload_hash"],
                notification_id=row["notification_id"],
                revision=row["revision"],
                state=NotificationState(row["state"]),
                estimated_delivery_time=row["estimated_delivery_time"],
            )
            for row in rows
        }

    async def accept(
        self, batch: Sequence[Acceptance], owners: Sequence[UUID | None]
    ) -> dict[UUID, Accepted]:
        """Commits those whose request id is new, each claimed by its owner.

        Returns what became of those, by the id that was minted for each: a notification of its
        own, or the next revision of the one that its collapse key names. A collapse key stands
        at most once in a batch.
        """

        if not any(item.notification.collapse_key for item in batch):
            return await self._accept_alone(batch, owners)

        async def work(connection: Connection) -> dict[UUID, Accepted]:
            rows = await connection.fetch(_SQL["insert_requests"], *_request_columns(batch))
            new = {row["notification_id"] for row in rows}
            fresh = [
                (item, owner)
                for item, owner in zip(batch, owners, strict=True)
                if item.notification.notification_id in new
            ]
            amended = await amend_live(connection, [item for item, _ in fresh])
            created = [
                (item, owner)
                for item, owner in fresh
                if item.notification.notification_id not in amended
            ]
            if created:
                await connection.execute(
                    _SQL["insert_notifications"],
                    *notification_columns([item for item, _ in created]),
                    [owner for _, owner in created],
                    self._claim_deadline,
                )
            ids = [item.notification.notification_id for item, _ in created]
            return amended | {
                minted: Accepted(notification_id=minted, revision=1) for minted in ids
            }

        return await in_transaction(self._pool, work)

    async def _accept_alone(
        self, batch: Sequence[Acceptance], owners: Sequence[UUID | None]
    ) -> dict[UUID, Accepted]:
        """Commits what can amend nothing, in one statement."""
        rows = await in_statement(
            self._pool,
            _SQL["accept_alone"],
            *notification_columns(batch),
            owners,
            self._claim_deadline,
            [item.submission.request_id for item in batch],
            [item.submission.payload_hash for item in batch],
            [item.estimated_delivery_time for item in batch],
        )
        return {
            row["notification_id"]: Accepted(notification_id=row["notification_id"], revision=1)
            for row in rows
        }

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

    async def count_waiting(self) -> list[tuple[int, int, int]]:
        """Returns how many notifications are due and in nobody's hands: priority, channel mask, count."""
        return [tuple(row) for row in await self._pool.fetch(_SQL["count_waiting"])]

    async def disown_orphans(self, *, limit: int) -> int:
        """Takes notifications out of dead hands; returns how many."""
        return _count(await self._pool.execute(_SQL["disown_orphans"], limit))

    async def release(self, ids: Sequence[UUID], *, owner: UUID, pause: timedelta) -> None:
        """Gives claims back; the notifications are due again after `pause`."""
        await self._pool.execute(_SQL["release_claims"], ids, owner, pause, *id_bounds(ids))

    async def read(self, notification_id: UUID, *, tenant_id: str) -> StoredNotification | None:
        """Returns a tenant's notification."""
        with database():
            row = await self._pool.fetchrow(_SQL["read_notification"], notification_id, tenant_id)
        if row is None:
            return None
        fields = dict(row)
        fields["requested_channels"] = tuple(fields["requested_channels"])
        fields["state"] = NotificationState(fields["state"])
        return StoredNotification(**fields)


def _count(status: str) -> int:
    """Returns the number of rows in a command tag such as `UPDATE 3`."""
    return int(status.rsplit(" ", 1)[1])


def _request_columns(batch: Sequence[Acceptance]) -> list[list[object]]:
    return [
        [item.submission.tenant_id for item in batch],
        [item.submission.request_id for item in batch],
        [item.submission.payload_hash for item in batch],
        [item.notification.notification_id for item in batch],
        [item.notification.initial_state.value for item in batch],
        [item.estimated_delivery_time for item in batch],
        [item.notification.accept_time for item in batch],
    ]


def _notification(row: asyncpg.Record) -> Notification:
    fields = dict(row)
    fields["content_channels"] = tuple(fields["content_channels"])
    fields["requested_channels"] = tuple(fields["requested_channels"])
    return Notification(**fields)
