"""Marks items."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from libs.events import Event, EventOutbox
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction
from libs.values import value
from services.inbox.domain.models import Counts, InboxKey, Item
from services.inbox.domain.positions import Position
from services.inbox.store.rows import head_from_row, item_from_row
from services.inbox.wire.events import items_read_event

_SQL = load_queries("services.inbox")


@value
class Marked:
    """What marking came to."""

    items: tuple[Item, ...]
    """The items of these ids, those that were read before included."""
    newly: frozenset[UUID]
    """Those that were not read before."""
    counts: Counts
    moved: Position | None
    """Where the feed now stands; None when nothing changed."""


class ItemStore:
    """Items of one inbox. What is read is stated in an event of the same transaction."""

    def __init__(self, pool: Pool, events: EventOutbox) -> None:
        self._pool = pool
        self._events = events

    async def mark_read(self, key: InboxKey, item_ids: Sequence[UUID]) -> Marked:
        """Marks what is unread; each such item takes the next number of the feed."""

        async def work(connection: Connection) -> tuple[Marked, Event | None]:
            marked, read = await _mark_read(connection, key, item_ids)
            if not read:
                return marked, None
            event = items_read_event(key, [(row["item_id"], row["read_time"]) for row in read])
            await self._events.add(connection, event)
            return marked, event

        marked, event = await in_transaction(self._pool, work)
        if event is not None:
            self._events.publish_soon(event)
        return marked


async def _mark_read(
    connection: Connection, key: InboxKey, item_ids: Sequence[UUID]
) -> tuple[Marked, list[asyncpg.Record]]:
    row = await connection.fetchrow(_SQL["lock_heads"], [key.tenant_id], [key.recipient_id])
    if row is None:
        return Marked(items=(), newly=frozenset(), counts=Counts(), moved=None), []
    head = head_from_row(row)
    present = await connection.fetch(_SQL["lock_own_items"], *key, item_ids)
    newly = frozenset(item["item_id"] for item in present if not item["read"])
    marked = len(newly)
    sequence = head.sequence + marked
    counts = Counts(unread=head.counts.unread - marked, total=head.counts.total)
    read: list[asyncpg.Record] = []
    if marked:
        read = await connection.fetch(_SQL["mark_read"], *key, item_ids, head.sequence)
        await connection.execute(
            _SQL["move_heads"],
            [key.tenant_id],
            [key.recipient_id],
            [sequence],
            [counts.unread],
            [counts.total],
        )
    rows = await connection.fetch(_SQL["get_items"], *key, item_ids)
    result = Marked(
        items=tuple(item_from_row(row) for row in rows),
        newly=newly,
        counts=counts,
        moved=Position(epoch=head.epoch, sequence=sequence) if marked else None,
    )
    return result, read
