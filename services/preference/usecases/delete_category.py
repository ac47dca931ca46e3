"""Deletes a category."""

from __future__ import annotations

from dataclasses import dataclass

from libs.postgres.transaction import Connection
from services.preference.domain.errors import CategoryNotFound
from services.preference.domain.etags import check_etag
from services.preference.store.categories import CategoryStore


@dataclass(frozen=True, slots=True)
class DeleteCategory:
    """Deletes a category with the preferences about it; planning refuses what waits in it."""

    store: CategoryStore

    async def __call__(
        self, connection: Connection, tenant_id: str, name: str, *, etag: str
    ) -> None:
        """Raises CategoryNotFound or EtagMismatch."""
        current = await self.store.lock(connection, tenant_id, name)
        if current is None:
            raise CategoryNotFound(name)
        check_etag("category", etag, current.etag)
        await self.store.delete(connection, tenant_id, name)
