"""What a subscription says, and how it ends for good.

An event that completes a position carries its `cursor`: whoever has applied the event may store
it and resume after it, in this process or in another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import grpc

from tidings.inbox.v1.inbox_item_pb2 import InboxCounts, InboxItem
from tidings.inbox.v1.inbox_stream_service_pb2 import ClosingReason, ResyncReason


class ChangeType(Enum):
    """What happened to an item."""

    ADDED = "added"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A stream is open."""

    stream_id: str
    again: bool
    """Whether there was a stream before."""
    resumed: bool | None
    """Whether it goes on without a gap; None when no cursor was asked for. After False a snapshot
    follows that replaces local state."""
    counts: InboxCounts
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The stream is lost; a new one is tried after `retry_in` seconds."""

    why: str
    retry_in: float
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """Trying to come back failed; the next attempt is after `retry_in` seconds."""

    why: str
    retry_in: float
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotApplied:
    """The newest items, whole. Replaces local state."""

    items: tuple[InboxItem, ...]
    """Newest first."""
    unseen: tuple[InboxItem, ...]
    """Those of them that this subscription has not given before in this form; newest first."""
    counts: InboxCounts
    resync: ResyncReason.ValueType | None
    """Why a cursor was not honoured; None when a snapshot was asked for."""
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChanged:
    """One change. An item comes again only with a higher sequence."""

    type: ChangeType
    item: InboxItem
    counts: InboxCounts | None
    """Counts at `cursor`; None while its change set goes on."""
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Nothing is pending up to `cursor`."""

    server_time: datetime
    cursor: str = ""


FeedEvent = Connected | Disconnected | AttemptFailed | SnapshotApplied | ItemChanged | Heard


class FeedClosed(Exception):
    """The server ended the stream and wants no new one."""

    def __init__(self, reason: ClosingReason.ValueType) -> None:
        super().__init__(f"the server closed the stream for good (reason {reason})")
        self.reason = reason


class FeedRefused(Exception):
    """The server refuses the stream; asking again unchanged would not help."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(error.details() or error.code().name)
        self.error = error


class TokenUnavailable(Exception):
    """A token source raises it when a token cannot be had just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer credential."""

    value: str
    expire_time: datetime | None = None

    def __repr__(self) -> str:
        return f"Token(expire_time={self.expire_time})"


TokenSource = Callable[[], Awaitable[Token]]
"""Gives a fresh token; raises TokenUnavailable, or anything else to end the subscription."""
