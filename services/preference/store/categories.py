"""The table of categories."""

from __future__ import annotations

from libs.paging import PageRequest
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.preference.domain.errors import CategoryNotFound
from services.preference.domain.filters import CategoryFilter
from services.preference.domain.models import Category, CategoryDefinition
from services.preference.store.rows import category_from_row

_SQL = load_queries("services.preference")


class CategoryStore:
    """Keeps categories. What changes them runs in its caller's transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def upsert(
        self, connection: Connection, tenant_id: str, definition: CategoryDefinition
    ) -> Category:
        """Creates a category or replaces one."""
        (row,) = await connection.fetch(
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

    async def lock(self, connection: Connection, tenant_id: str, name: str) -> Category | None:
        """Returns a category, which nobody else changes until the transaction ends."""
        row = await connection.fetchrow(_SQL["lock_category"], tenant_id, name)
        return None if row is None else category_from_row(row)

    async def delete(self, connection: Connection, tenant_id: str, name: str) -> None:
        """Deletes a category with the preferences about it."""
        await connection.execute(_SQL["delete_category"], tenant_id, name)
        # Those who were adding one have committed, or will find the category gone.
        await connection.execute(_SQL["clear_preferences_about"], tenant_id, name)

    async def get(self, tenant_id: str, name: str) -> Category:
        """Returns a category; raises CategoryNotFound."""
        with database():
            row = await self._pool.fetchrow(_SQL["get_category"], tenant_id, name)
        if row is None:
            raise CategoryNotFound(name)
        return category_from_row(row)

    async def list_page(
        self, tenant_id: str, wanted: CategoryFilter, page: PageRequest
    ) -> list[Category]:
        """Returns those of a page, by name."""
        category_class = wanted.category_class and wanted.category_class.value
        with database():
            rows = await self._pool.fetch(
                _SQL["list_categories"],
                tenant_id,
                page.after,
                wanted.name_prefix,
                category_class,
                page.limit,
            )
        return [category_from_row(row) for row in rows]
