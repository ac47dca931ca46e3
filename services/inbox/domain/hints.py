"""What processes tell one another so that streams need not wait. All of it may be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from libs.values import value
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position


@value
class Hint:
    """News of some feeds and streams."""

    moved: Mapping[InboxKey, Position] = field(default_factory=dict)
    """Feeds that moved, with where they stand."""
    opened: Mapping[tuple[InboxKey, str], str] = field(default_factory=dict)
    """Streams that opened: their ids by inbox and device."""
