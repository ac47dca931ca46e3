"""What a stream says, frame by frame."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from libs.values import value
from services.inbox.domain.models import Counts, Item
from services.inbox.domain.positions import Position, ResyncReason


class ClosingReason(Enum):
    """Why the server ends a stream."""

    SHUTDOWN = "shutdown"
    """The process is being stopped."""
    MAX_AGE = "max_age"
    """The stream is as old as it may become."""
    CREDENTIALS_EXPIRED = "credentials_expired"
    """The credential it was opened with is no longer good."""
    SUPERSEDED = "superseded"
    """A newer stream of the same device is open."""
    SLOW_CONSUMER = "slow_consumer"
    """The client does not read."""


@value
class Opened:
    """Always first."""

    stream_id: str
    heartbeat_interval: timedelta
    auth_expire_time: datetime | None
    resumed: bool
    counts: Counts
    position: Position | None
    """None while the client has no state to resume with: a snapshot follows."""


@value
class SnapshotPart:
    """A part of the inbox's state; the last one carries position and counts."""

    items: tuple[Item, ...]
    position: Position | None
    counts: Counts | None


@value
class Change:
    """An item after its change."""

    item: Item
    added: bool
    """Whether the item is new after the position that the change set began at."""


@value
class Changes:
    """A part of a change set; the last one carries position and counts."""

    changes: tuple[Change, ...]
    position: Position | None
    counts: Counts | None


@value
class Heartbeat:
    """Nothing is pending up to the position."""

    server_time: datetime
    position: Position


@value
class Resync:
    """The position cannot be honoured; a snapshot follows."""

    reason: ResyncReason


@value
class Closing:
    """Always last."""

    reason: ClosingReason
    max_reconnect_delay: timedelta
    reconnect: bool


Frame = Opened | SnapshotPart | Changes | Heartbeat | Resync | Closing
