"""Stores a category."""

from __future__ import annotations

from dataclasses import dataclass

from libs.postgres.transaction import Connection
from services.preference.domain.category_rules import check_definition
from services.preference.domain.etags import check_etag
from services.preference.domain.models import Category, CategoryDefinition
from services.preference.store.categories import CategoryStore


@dataclass(frozen=True, slots=True)
class UpsertCategory:
    """Creates a category or replaces one."""

    store: CategoryStore

    async def __call__(
        self, connection: Connection, tenant_id: str, definition: CategoryDefinition, *, etag: str
    ) -> Category:
        """Returns the category as stored; raises FieldsRefused or EtagMismatch."""
        check_definition(definition)
        if etag:
            current = await self.store.lock(connection, tenant_id, definition.name)
            check_etag("category", etag, current.etag if current else "")
        return await self.store.upsert(connection, tenant_id, definition)
