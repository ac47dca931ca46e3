"""Changes some fields of a category."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from libs.postgres.transaction import Connection
from services.preference.domain.category_rules import check_definition
from services.preference.domain.errors import CategoryNotFound
from services.preference.domain.etags import check_etag
from services.preference.domain.models import Category, CategoryDefinition
from services.preference.store.categories import CategoryStore


@dataclass(frozen=True, slots=True)
class UpdateCategory:
    """Changes a category from what it is now."""

    store: CategoryStore

    async def __call__(
        self,
        connection: Connection,
        tenant_id: str,
        name: str,
        change: Callable[[Category], CategoryDefinition],
        *,
        etag: str,
    ) -> Category:
        """Returns the category as stored; raises what `change` does, CategoryNotFound, FieldsRefused or
        EtagMismatch."""
        current = await self.store.lock(connection, tenant_id, name)
        if current is None:
            raise CategoryNotFound(name)
        check_etag("category", etag, current.etag)
        definition = change(current)
        check_definition(definition)
        return await self.store.upsert(connection, tenant_id, definition)
