"""Plans, and the outbox of the messages that they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from libs.postgres.week_partitions import id_bounds
from services.ingestion.domain.credit import CreditKey
from services.ingestion.domain.models import NotificationState, OutboxMessage

_SQL = load_queries("services.ingestion")

PlanRow = tuple[UUID, int, NotificationState, bytes | None]
"""Notification, revision, the state the plan leads to, the plan's document."""


class PlanStore:
    """Plans and the outbox of the messages that they ask for."""

    def __init__(
        self,
        pool: Pool,
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
        ids = [plan[0] for plan in plans]
        rows = await connection.fetch(
            _SQL["store_plans"],
            ids,
            [plan[1] for plan in plans],
            [plan[2].value for plan in plans],
            [plan[3] for plan in plans],
            owner,
            *id_bounds(ids),
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

    async def take_unclaimed(self, *, limit: int) -> list[tuple[UUID, str, int, int, bytes]]:
        """Returns messages to publish again: id, tenant, channel, priority, payload."""
        rows = await self._pool.fetch(
            _SQL["take_unclaimed"], self._republish_interval, self._republish_ceiling, limit
        )
        return [tuple(row) for row in rows]

    async def read_messages(
        self, outbox_ids: Sequence[UUID]
    ) -> list[tuple[UUID, str, int, int, bytes]]:
        """Returns those messages that nobody claimed yet."""
        rows = await self._pool.fetch(_SQL["read_messages"], outbox_ids)
        return [tuple(row) for row in rows]

    async def outbox_age(self) -> timedelta:
        """Returns the age of the oldest message that nobody claimed; none has none."""
        age: timedelta = await self._pool.fetchval(_SQL["outbox_age"])
        return age

    async def republish_all_now(self) -> None:
        """Makes every message due."""
        await self._pool.execute(_SQL["republish_all_now"])

    async def finish(self, outbox_ids: Sequence[UUID]) -> list[datetime]:
        """Deletes messages whose deliveries are claimed; returns when each was created."""
        rows = await self._pool.fetch(_SQL["finish_outbox"], outbox_ids)
        return [row["create_time"] for row in rows]
