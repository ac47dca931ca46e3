"""Pages of templates, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.template.domain.models import Template

DEFAULT_PAGE_SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page is wanted."""

    size: int
    after: str = ""
    """Last name of the page before; empty for the first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of a tenant's templates."""

    templates: tuple[Template, ...]
    last_name: str | None
    """Where the next page goes on; None on the last page."""

    @classmethod
    def cut(cls, found: Sequence[Template], size: int) -> Page:
        """Makes a page of `size` templates from what a query for one more has found."""
        templates = tuple(found[:size])
        return cls(templates=templates, last_name=templates[-1].name if len(found) > size else None)
