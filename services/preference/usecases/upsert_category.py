"""Stores a category."""

from __future__ import annotations

from dataclasses import dataclass

from services.preference.domain.category_rules import check_definition
from services.preference.domain.models import Category, CategoryDefinition
from services.preference.store.categories import CategoryStore


@dataclass(frozen=True, slots=True)
class UpsertCategory:
    """Creates a category or replaces one."""

    store: CategoryStore

    async def __call__(self, tenant_id: str, definition: CategoryDefinition) -> Category:
        """Returns the category as stored; raises FieldsRefused."""
        check_definition(definition)
        return await self.store.upsert(tenant_id, definition)
