"""Reads a category."""

from __future__ import annotations

from dataclasses import dataclass

from services.preference.domain.models import Category
from services.preference.store.categories import CategoryStore


@dataclass(frozen=True, slots=True)
class GetCategory:
    """Returns a category."""

    store: CategoryStore

    async def __call__(self, tenant_id: str, name: str) -> Category:
        """Raises CategoryNotFound."""
        return await self.store.get(tenant_id, name)
