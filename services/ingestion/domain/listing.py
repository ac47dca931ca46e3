"""Which notifications are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationFilter:
    """All that is set must hold: an empty text, an empty tuple and None let everything pass."""

    recipient_id: str
    category: str
    states: tuple[int, ...]
    accept_time_from: datetime | None
    accept_time_until: datetime | None
