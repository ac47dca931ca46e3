"""The outbox of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection

_SQL = load_queries("services.dispatch")


class EventOutbox:
    """Facts that wait for the broker's confirmation."""

    def __init__(self, pool: Pool, *, interval: timedelta) -> None:
        self._pool = pool
        self._interval = interval

    async def add(
        self, connection: Connection, batch_id: UUID, routing_key: str, payload: bytes
    ) -> None:
        """Stores a batch of facts in the transaction of what it states."""
        await connection.execute(
            _SQL["insert_event"], batch_id, routing_key, payload, self._interval
        )

    async def take_unpublished(self, *, limit: int) -> list[tuple[UUID, str, bytes]]:
        """Returns batches to publish again: id, routing key, payload."""
        rows = await self._pool.fetch(_SQL["take_unpublished"], self._interval, limit)
        return [tuple(row) for row in rows]

    async def publish_all_now(self) -> None:
        """Makes every batch due."""
        await self._pool.execute(_SQL["publish_all_now"])

    async def delete(self, batch_ids: Sequence[UUID]) -> list[None]:
        """Deletes confirmed batches; answers one None each."""
        await self._pool.execute(_SQL["delete_events"], batch_ids)
        return [None] * len(batch_ids)
