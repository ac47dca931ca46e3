"""Writes deliveries into inboxes, and keeps when they reached a stream."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_statement, in_transaction
from services.inbox.domain.models import Delivery, Head, InboxKey, Receipt
from services.inbox.domain.numbering import Numbered, Present, number_deliveries
from services.inbox.domain.positions import Position
from services.inbox.store.rows import head_from_row, key_from_row

_SQL = load_queries("services.inbox")

ItemName = tuple[InboxKey, UUID]


class DeliveryStore:
    """Batches of items, in one transaction each."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def deliver(self, deliveries: Sequence[Delivery]) -> dict[InboxKey, Position]:
        """Writes what is new and returns where the feeds that moved now stand."""

        names = dict.fromkeys((delivery.key, delivery.item_id) for delivery in deliveries)
        keys = dict.fromkeys(key for key, _ in names)

        async def work(connection: Connection) -> Mapping[InboxKey, Head] | None:
            heads = await _lock_heads(connection, keys)
            if len(heads) < len(keys):
                return None
            present = await _lock_items(connection, names)
            numbering = number_deliveries(deliveries, heads, present)
            if numbering.writes:
                await _write_items(connection, numbering.writes)
                await _move_heads(connection, numbering.heads)
            return numbering.heads

        # Nearly all are there. What is not is made apart from the locks, which are taken in key order.
        while (heads := await in_transaction(self._pool, work)) is None:
            await in_statement(self._pool, _SQL["create_heads"], *_columns(keys))
        return {
            key: Position(epoch=head.epoch, sequence=head.sequence) for key, head in heads.items()
        }

    async def record_stream_writes(self, writes: Mapping[ItemName, datetime]) -> None:
        """Keeps when items reached a stream, where no earlier time is kept."""
        ordered = sorted((item_id, moment) for (_, item_id), moment in writes.items())
        await in_statement(
            self._pool,
            _SQL["record_stream_writes"],
            [item_id for item_id, _ in ordered],
            [moment for _, moment in ordered],
        )

    async def read_receipts(
        self, tenant_id: str, items: Sequence[tuple[str, UUID]]
    ) -> list[Receipt]:
        """Returns when items reached a stream; those that did not are absent."""
        recipients = [recipient_id for recipient_id, _ in items]
        item_ids = [item_id for _, item_id in items]
        with database():
            rows = await self._pool.fetch(_SQL["read_receipts"], tenant_id, recipients, item_ids)
        return [
            Receipt(item_id=row["item_id"], stream_write_time=row["stream_write_time"])
            for row in rows
        ]


async def _lock_heads(connection: Connection, keys: Collection[InboxKey]) -> dict[InboxKey, Head]:
    rows = await connection.fetch(_SQL["lock_heads"], *_columns(keys))
    return {key_from_row(row): head_from_row(row) for row in rows}


def _columns(keys: Collection[InboxKey]) -> tuple[list[str], list[str]]:
    return [key.tenant_id for key in keys], [key.recipient_id for key in keys]


async def _lock_items(
    connection: Connection, names: Collection[ItemName]
) -> dict[ItemName, Present]:
    rows = await connection.fetch(_SQL["lock_items"], [item_id for _, item_id in names])
    return {
        (key_from_row(row), row["item_id"]): Present(revision=row["revision"], read=row["read"])
        for row in rows
    }


async def _write_items(connection: Connection, writes: Sequence[Numbered]) -> None:
    await connection.execute(
        _SQL["write_items"],
        [write.delivery.key.tenant_id for write in writes],
        [write.delivery.key.recipient_id for write in writes],
        [write.delivery.item_id for write in writes],
        [write.delivery.revision for write in writes],
        [write.sequence for write in writes],
        [write.delivery.category for write in writes],
        [write.delivery.content for write in writes],
        [write.delivery.traceparent for write in writes],
        [write.delivery.accept_time for write in writes],
    )


async def _move_heads(connection: Connection, heads: Mapping[InboxKey, Head]) -> None:
    await connection.execute(
        _SQL["move_heads"],
        [key.tenant_id for key in heads],
        [key.recipient_id for key in heads],
        [head.sequence for head in heads.values()],
        [head.counts.unread for head in heads.values()],
        [head.counts.total for head in heads.values()],
    )
