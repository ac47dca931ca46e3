"""Pages of API keys, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.access.domain.models import ApiKey

DEFAULT_PAGE_SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page is wanted."""

    size: int
    before: UUID | None = None
    """Last key of the page before; None for the first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of a tenant's keys."""

    api_keys: tuple[ApiKey, ...]
    last_key_id: UUID | None
    """Where the next page goes on; None on the last page."""

    @classmethod
    def cut(cls, found: Sequence[ApiKey], size: int) -> Page:
        """Makes a page of `size` keys from what a query for one more has found."""
        api_keys = tuple(found[:size])
        return cls(
            api_keys=api_keys, last_key_id=api_keys[-1].key_id if len(found) > size else None
        )
