"""What a key may hand on to another key."""

from __future__ import annotations

from collections.abc import Collection, Iterable

ADMIN = 1
"""`SCOPE_ADMIN`, which grants every scope."""


def not_held(held: Collection[int], wanted: Iterable[int]) -> list[int]:
    """Returns which of the wanted scopes are not the holder's to grant."""
    if ADMIN in held:
        return []
    return [scope for scope in wanted if scope not in held]
