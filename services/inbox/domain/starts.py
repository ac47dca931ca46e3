"""Where a stream begins."""

from __future__ import annotations

from datetime import datetime, timedelta

from libs.values import value
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position

DEFAULT_SNAPSHOT_ITEMS = 100


@value
class Live:
    """With the present."""


@value
class FromSnapshot:
    """With the newest items."""

    most_items: int = DEFAULT_SNAPSHOT_ITEMS


@value
class After:
    """Where an earlier stream got to."""

    position: Position


Start = Live | FromSnapshot | After


@value
class Subscription:
    """What a client asks for."""

    key: InboxKey
    device_id: str
    """Empty: supersedes nothing."""
    start: Start
    heartbeat_interval: timedelta | None
    auth_expire_time: datetime | None
