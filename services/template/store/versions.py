"""Published versions as the other services ask for them: in batches that may span tenants."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from services.template.domain.models import Content, Description, VersionKey
from services.template.wire.content import content_from_bytes

_SQL = load_queries("services.template")


class VersionStore:
    """Reads versions. Raises DependencyUnavailable while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def load(self, keys: Sequence[VersionKey]) -> dict[VersionKey, Content]:
        """Returns the contents of those versions that are published."""
        with database():
            rows = await self._pool.fetch(_SQL["load_versions"], *_columns(keys))
        return {
            VersionKey(
                tenant_id=row["tenant_id"], name=row["name"], version=row["version"]
            ): content_from_bytes(row["content"])
            for row in rows
        }

    async def describe(self, keys: Sequence[VersionKey]) -> list[Description]:
        """Returns what is known of each, in their order; version 0 means the newest."""
        with database():
            rows = await self._pool.fetch(_SQL["describe_versions"], *_columns(keys))
        return [_description_from_row(row) for row in rows]


def _columns(keys: Sequence[VersionKey]) -> tuple[list[str], list[str], list[int]]:
    return (
        [key.tenant_id for key in keys],
        [key.name for key in keys],
        [key.version for key in keys],
    )


def _description_from_row(row: asyncpg.Record) -> Description:
    if row["version"] is None:
        return Description(name_known=row["name_known"])
    return Description(
        name_known=True, version=row["version"], content=content_from_bytes(row["content"])
    )
