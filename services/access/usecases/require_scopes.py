"""Sees to it that nobody gives a key more than their own may do."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from libs.rpc.rules import scope_name
from services.access.domain.errors import ScopeNotHeld
from services.access.domain.scopes import not_held


def require_scopes(held: Collection[int], granted: Iterable[int]) -> None:
    """Raises ScopeNotHeld unless the holder of the scopes `held` may grant the others."""
    missing = not_held(held, granted)
    if missing:
        raise ScopeNotHeld(scope_name(missing[0]))
