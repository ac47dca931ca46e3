"""What planning reads: one statement per table and batch, whatever the batch's size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from services.preference.domain.models import CategoryDefinition, Preference, RecipientProfile
from services.preference.store.rows import (
    definition_from_row,
    preference_from_row,
    profile_from_row,
)

_SQL = load_queries("services.preference")

Key = tuple[str, str]
"""Tenant, and recipient or category."""


class PlanningStore:
    """Reads recipients, categories and preferences of many tenants at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def recipients(self, keys: Collection[Key]) -> dict[Key, RecipientProfile]:
        """Returns those of the recipients that exist."""
        with database():
            rows = await self._pool.fetch(_SQL["recipients_of"], *_columns(keys))
        return {(row["tenant_id"], row["recipient_id"]): profile_from_row(row) for row in rows}

    async def existing_recipients(self, keys: Collection[Key]) -> set[Key]:
        """Returns which of the recipients exist."""
        with database():
            rows = await self._pool.fetch(_SQL["existing_recipients"], *_columns(keys))
        return {(row["tenant_id"], row["recipient_id"]) for row in rows}

    async def categories(self, keys: Collection[Key]) -> dict[Key, CategoryDefinition]:
        """Returns those of the categories that exist."""
        with database():
            rows = await self._pool.fetch(_SQL["categories_of"], *_columns(keys))
        return {(row["tenant_id"], row["name"]): definition_from_row(row) for row in rows}

    async def preferences(self, keys: Collection[Key]) -> dict[Key, list[Preference]]:
        """Returns what the recipients have set; those who set nothing are absent."""
        with database():
            rows = await self._pool.fetch(_SQL["preferences_of"], *_columns(keys))
        found: defaultdict[Key, list[Preference]] = defaultdict(list)
        for row in rows:
            found[row["tenant_id"], row["recipient_id"]].append(preference_from_row(row))
        return found


def _columns(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    return [tenant for tenant, _ in keys], [name for _, name in keys]
