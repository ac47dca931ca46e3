"""The table of categories."""

from __future__ import annotations

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from services.preference.domain.errors import CategoryNotFound
from services.preference.domain.models import Category, CategoryDefinition
from services.preference.store.rows import category_from_row

_SQL = load_queries("services.preference")


class CategoryStore:
    """Keeps categories."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def upsert(self, tenant_id: str, definition: CategoryDefinition) -> Category:
        """Creates a category or replaces one."""
        with database():
            (row,) = await self._pool.fetch(
                _SQL["upsert_category"],
                tenant_id,
                definition.name,
                definition.category_class.value,
                [channel.value for channel in definition.channels],
                definition.priority.value,
                definition.ttl,
                definition.guarantee.value,
            )
        return category_from_row(row)

    async def get(self, tenant_id: str, name: str) -> Category:
        """Returns a category; raises CategoryNotFound."""
        with database():
            row = await self._pool.fetchrow(_SQL["get_category"], tenant_id, name)
        if row is None:
            raise CategoryNotFound(name)
        return category_from_row(row)

    async def list_after(self, tenant_id: str, last_name: str, limit: int) -> list[Category]:
        """Returns up to `limit` categories whose names come after `last_name`."""
        with database():
            rows = await self._pool.fetch(_SQL["list_categories"], tenant_id, last_name, limit)
        return [category_from_row(row) for row in rows]
