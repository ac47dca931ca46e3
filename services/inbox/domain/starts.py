"""Where a stream begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position

DEFAULT_SNAPSHOT_ITEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """With the present."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromSnapshot:
    """With the newest items."""

    most_items: int = DEFAULT_SNAPSHOT_ITEMS


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """Where an earlier stream got to."""

    position: Position


Start = Live | FromSnapshot | After


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a client asks for."""

    key: InboxKey
    device_id: str
    """Empty: supersedes nothing."""
    start: Start
    heartbeat_interval: timedelta | None
    auth_expire_time: datetime | None
