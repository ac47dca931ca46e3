"""Lists categories."""

from __future__ import annotations

from dataclasses import dataclass

from libs.paging import Page, PageRequest
from services.preference.domain.filters import CategoryFilter
from services.preference.domain.models import Category
from services.preference.store.categories import CategoryStore


@dataclass(frozen=True, slots=True)
class ListCategories:
    """Returns categories by name."""

    store: CategoryStore

    async def __call__(
        self, tenant_id: str, wanted: CategoryFilter, page: PageRequest
    ) -> Page[Category]:
        """Returns the page after the last name of the page before."""
        found = await self.store.list_page(tenant_id, wanted, page)
        return Page.cut(found, page, key=lambda category: category.definition.name)
