"""Lists categories."""

from __future__ import annotations

from dataclasses import dataclass

from libs.paging import Page, PageRequest
from services.preference.domain.models import Category
from services.preference.store.categories import CategoryStore


@dataclass(frozen=True, slots=True)
class ListCategories:
    """Returns categories by name."""

    store: CategoryStore

    async def __call__(self, tenant_id: str, request: PageRequest) -> Page[Category]:
        """Returns the page after the last name of the page before."""
        found = await self.store.list_after(tenant_id, request.after, request.limit)
        return Page.cut(found, request, key=lambda category: category.definition.name)
