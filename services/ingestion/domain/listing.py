"""Which notifications are wanted."""

from __future__ import annotations

from datetime import datetime

from libs.values import value


@value
class NotificationFilter:
    """All that is set must hold: an empty text, an empty tuple and None let everything pass."""

    recipient_id: str
    category: str
    states: tuple[int, ...]
    accept_time_from: datetime | None
    accept_time_until: datetime | None
