"""Where a subscription begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Live:
    """With the present: only what changes from now on."""


@dataclass(frozen=True, slots=True)
class Newest:
    """With the newest items, then what changes."""

    max_items: int = 0
    """Greatest number of items; 0 leaves it to the server."""


@dataclass(frozen=True, slots=True)
class After:
    """With what changed strictly after a cursor of an earlier stream."""

    cursor: str


Start = Live | Newest | After
