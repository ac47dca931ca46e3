"""Plans, and the outbox of the messages that they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

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
        # As far as this process was told. Without it, the next claim of what is published again tells.
        self._claimed: dict[tuple[int, int], int] = {}

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

    async def add_messages(
        self, connection: Connection, messages: Sequence[OutboxMessage]
    ) -> list[OutboxMessage]:
        """Stores messages in the transaction of their plans; returns them with their publications."""
        rows = await connection.fetch(
            _SQL["insert_outbox"],
            [message.outbox_id for message in messages],
            [message.tenant_id for message in messages],
            [message.channel for message in messages],
            [message.priority for message in messages],
            [message.delivery_count for message in messages],
            [message.payload for message in messages],
            self._republish_interval,
        )
        publications = {row["outbox_id"]: row["publication"] for row in rows}
        return [replace(m, publication=publications[m.outbox_id]) for m in messages]

    async def used_credit(self) -> dict[CreditKey, int]:
        """Returns how many deliveries are on their way, where there are any."""
        rows = await self._pool.fetch(_SQL["used_credit"])
        return {
            (row["tenant_id"], row["priority"], row["channel"]): row["deliveries"] for row in rows
        }

    async def take_unclaimed(self, *, limit: int) -> list[OutboxMessage]:
        """Returns messages to publish again: those that are lost, and per queue one that will tell."""
        queues = list(self._claimed)
        rows = await self._pool.fetch(
            _SQL["take_unclaimed"],
            self._republish_interval,
            self._republish_ceiling,
            limit,
            [channel for channel, _ in queues],
            [priority for _, priority in queues],
            [self._claimed[queue] for queue in queues],
        )
        return _messages(rows)

    async def take_unconfirmed(self, outbox_ids: Sequence[UUID]) -> list[OutboxMessage]:
        """Returns those messages that nobody claimed yet, to be published again."""
        rows = await self._pool.fetch(
            _SQL["take_unconfirmed"], outbox_ids, self._republish_interval
        )
        return _messages(rows)

    async def outbox_age(self) -> timedelta:
        """Returns the age of the oldest message that nobody claimed; none has none."""
        age: timedelta = await self._pool.fetchval(_SQL["outbox_age"])
        return age

    async def republish_all_now(self) -> None:
        """Makes every message due, whatever was claimed."""
        await self._pool.execute(_SQL["republish_all_now"])

    async def finish(self, publications: Mapping[UUID, int]) -> list[datetime]:
        """Deletes messages whose deliveries are claimed; returns when each was created.

        `publications` has the copy of each that was claimed: in its queue those before it are through.
        """
        rows = await self._pool.fetch(_SQL["finish_outbox"], list(publications))
        for row in rows:
            queue = row["channel"], row["priority"]
            self._claimed[queue] = max(self._claimed.get(queue, 0), publications[row["outbox_id"]])
        return [row["create_time"] for row in rows]


def _messages(rows: Sequence[asyncpg.Record]) -> list[OutboxMessage]:
    """Returns rows in the order of their publications."""
    return sorted((OutboxMessage(**row) for row in rows), key=lambda m: m.publication)
