"""Inboxes, their items and their heads."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from libs.values import value


class InboxKey(NamedTuple):
    """Names an inbox across tenants."""

    tenant_id: str
    recipient_id: str


@value
class Counts:
    """Counts of an inbox at a position of its feed."""

    unread: int = 0
    total: int = 0


@value
class Head:
    """Where a feed stands."""

    epoch: int
    """Drawn anew with each new head."""
    sequence: int
    """Number of the last change."""
    floor: int
    """A position below it cannot be resumed from."""
    counts: Counts


@value
class Item:
    """A notification as its recipient has it."""

    item_id: UUID
    category: str
    content: bytes
    """A serialized `tidings.template.v1.InAppContent`."""
    sequence: int
    """Number of its last change."""
    created_sequence: int
    """Number of its first change."""
    create_time: datetime
    read_time: datetime | None
    streamed: bool
    """Whether it was ever written to a stream."""
    traceparent: str = ""
    """Trace context of the notification."""
    accept_time: datetime | None = None
    """Since when the notification is due, if the sender said."""


@value
class Delivery:
    """A notification to put into an inbox."""

    key: InboxKey
    item_id: UUID
    revision: int
    category: str
    content: bytes
    traceparent: str
    accept_time: datetime | None = None
    """Since when it is due, if the sender said."""


@value
class Receipt:
    """When an item first reached a stream."""

    item_id: UUID
    stream_write_time: datetime
