"""Positions in a feed, and whether they can be resumed from."""

from __future__ import annotations

from enum import Enum

from libs.values import value
from services.inbox.domain.models import Head


class ResyncReason(Enum):
    """Why a position cannot be resumed from."""

    CURSOR_EXPIRED = "cursor_expired"
    """It is older than the history that is kept."""
    EPOCH_CHANGED = "epoch_changed"
    """It belongs to a history that no longer exists."""


@value
class Position:
    """A point in one history of a feed: everything up to `sequence` is known."""

    epoch: int
    sequence: int


def judge(position: Position, head: Head) -> ResyncReason | None:
    """Returns why a feed that stands at `head` cannot be followed from a position; None when it can.

    A position above the head was given by a history that was lost, as by a restored backup.
    """
    if position.epoch != head.epoch or position.sequence > head.sequence:
        return ResyncReason.EPOCH_CHANGED
    if position.sequence < head.floor:
        return ResyncReason.CURSOR_EXPIRED
    return None
