"""Templates as their authors work on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction
from services.template.domain.drafts import next_version
from services.template.domain.errors import (
    EtagMismatch,
    TemplateAlreadyExists,
    TemplateNotFound,
    TemplateNotPublished,
)
from services.template.domain.models import DRAFT, NO_CONTENT, Content, Template
from services.template.wire.content import content_from_bytes, content_to_bytes

_SQL = load_queries("services.template")


class TemplateStore:
    """Keeps templates, and versions as their authors see them. Raises DependencyUnavailable while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, tenant_id: str, name: str, content: Content, now: datetime) -> Template:
        """Stores a template with its first draft; raises TemplateAlreadyExists."""
        try:
            with database():
                (row,) = await self._pool.fetch(
                    _SQL["insert_template"], tenant_id, name, content_to_bytes(content), now
                )
        except asyncpg.UniqueViolationError:
            raise TemplateAlreadyExists(name) from None
        return _template_from_row(row)

    async def replace_draft(
        self, tenant_id: str, name: str, content: Content, *, etag: str, now: datetime
    ) -> Template:
        """Returns the changed template; raises TemplateNotFound or EtagMismatch."""

        async def replace_locked(connection: Connection) -> Template:
            await _lock(connection, tenant_id, name, etag)
            (row,) = await connection.fetch(
                _SQL["replace_draft"], tenant_id, name, content_to_bytes(content), now
            )
            return _template_from_row(row)

        return await in_transaction(self._pool, replace_locked)

    async def publish(self, tenant_id: str, name: str, *, etag: str, now: datetime) -> int:
        """Returns the version that the draft is now; raises TemplateNotFound or EtagMismatch."""

        async def publish_locked(connection: Connection) -> int:
            template = await _lock(connection, tenant_id, name, etag)
            return await _publish(connection, tenant_id, template, now)

        return await in_transaction(self._pool, publish_locked)

    async def get(self, tenant_id: str, name: str, version: int = DRAFT) -> Template:
        """Returns a template with its draft or a version; raises TemplateNotFound or TemplateNotPublished."""
        with database():
            row = await self._pool.fetchrow(_SQL["get_template"], tenant_id, name)
            if row is None:
                raise TemplateNotFound(name)
            template = _template_from_row(row)
            if version == DRAFT:
                return template
            content = await _version(self._pool, tenant_id, name, version)
        if content is None:
            raise TemplateNotPublished(name, version, template.latest_version)
        return replace(template, content=content)

    async def list_after(self, tenant_id: str, last_name: str, limit: int) -> list[Template]:
        """Returns up to `limit` templates whose names come after `last_name`, without contents."""
        with database():
            rows = await self._pool.fetch(_SQL["list_templates"], tenant_id, last_name, limit)
        return [_template_from_row(row) for row in rows]


async def _lock(connection: Connection, tenant_id: str, name: str, etag: str) -> Template:
    """Holds a template until the transaction ends, if it is in the state that is meant."""
    row = await connection.fetchrow(_SQL["lock_template"], tenant_id, name)
    if row is None:
        raise TemplateNotFound(name)
    template = _template_from_row(row)
    if not template.has_etag(etag):
        raise EtagMismatch(name, template.etag)
    return template


async def _publish(
    connection: Connection, tenant_id: str, template: Template, now: datetime
) -> int:
    newest = await _version(connection, tenant_id, template.name, template.latest_version)
    version = next_version(template.content, newest, template.latest_version)
    if version != template.latest_version:
        await connection.execute(_SQL["insert_version"], tenant_id, template.name, version, now)
        await connection.execute(_SQL["set_latest_version"], tenant_id, template.name, version)
    return version


async def _version(
    source: Pool | Connection, tenant_id: str, name: str, version: int
) -> Content | None:
    data = await source.fetchval(_SQL["get_version"], tenant_id, name, version)
    return None if data is None else content_from_bytes(data)


def _template_from_row(row: asyncpg.Record) -> Template:
    data = row.get("content")
    return Template(
        name=row["name"],
        content=NO_CONTENT if data is None else content_from_bytes(data),
        latest_version=row["latest_version"],
        revision=row["revision"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )
