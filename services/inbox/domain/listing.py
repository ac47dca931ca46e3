"""Pages of an inbox, newest first."""

from __future__ import annotations

from libs.values import value
from services.inbox.domain.models import Counts, Item

DEFAULT_PAGE_SIZE = 50
BEYOND_ALL = 2**63 - 1
"""A position that no feed reaches."""


@value
class PageRequest:
    """Which page is wanted."""

    size: int
    before: int
    """`created_sequence` of the last item of the page before."""
    unread_only: bool


@value
class Page:
    """Some items of an inbox, and the counts of the whole."""

    items: tuple[Item, ...]
    counts: Counts
    next_before: int | None
    """None on the last page."""
