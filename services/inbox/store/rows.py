"""Rows to domain objects: the one place where column names meet field names."""

from __future__ import annotations

import asyncpg

from services.inbox.domain.models import Counts, Head, InboxKey, Item


def key_from_row(row: asyncpg.Record) -> InboxKey:
    """Returns whose row it is."""
    return InboxKey(row["tenant_id"], row["recipient_id"])


def head_from_row(row: asyncpg.Record, *, sequence: str = "sequence") -> Head:
    """Returns a head; `sequence` names its column where an item's is beside it."""
    return Head(
        epoch=row["epoch"],
        sequence=row[sequence],
        floor=row["floor"],
        counts=Counts(unread=row["unread"], total=row["total"]),
    )


def item_from_row(row: asyncpg.Record) -> Item:
    """Returns an item."""
    return Item(
        item_id=row["item_id"],
        category=row["category"],
        content=row["content"],
        sequence=row["sequence"],
        created_sequence=row["created_sequence"],
        create_time=row["create_time"],
        read_time=row["read_time"],
        streamed=row["streamed"],
        traceparent=row["traceparent"],
        accept_time=row["accept_time"],
    )
