"""What changing a key makes of it, and which scopes that grants."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.access.domain.models import ApiKey, KeyChange


def changed(api_key: ApiKey, change: KeyChange) -> ApiKey:
    """Returns the key as it shall be; the same when that is what it is already."""
    # Any: the fields are of different types.
    wanted: dict[str, Any] = {
        "display_name": change.display_name,
        "scopes": tuple(sorted(change.scopes)),
        "expire_time": change.expire_time,
    }
    after = replace(api_key, **{name: wanted[name] for name in wanted if name in change.fields})
    return api_key if after == api_key else replace(after, revision=api_key.revision + 1)


def granted(before: ApiKey, after: ApiKey, change: KeyChange) -> tuple[int, ...]:
    """Returns the scopes that a change hands out: those it names, and all when the key lives longer by it."""
    if "scopes" in change.fields or _ends_later(after.expire_time, before.expire_time):
        return after.scopes
    return ()


def _ends_later(moment: datetime | None, other: datetime | None) -> bool:
    if other is None:
        return False
    return moment is None or moment > other
