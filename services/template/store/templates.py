"""Templates as their authors work on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg

from libs.errors import EtagMismatch
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.template.domain.drafts import next_version
from services.template.domain.errors import (
    TemplateAlreadyExists,
    TemplateNotFound,
    TemplateNotPublished,
)
from services.template.domain.models import (
    DRAFT,
    NO_CONTENT,
    Content,
    Template,
    TemplateFilter,
    Version,
)
from services.template.wire.content import content_from_bytes, content_to_bytes

_SQL = load_queries("services.template")


class TemplateStore:
    """Keeps templates, and versions as their authors see them. Raises DependencyUnavailable while PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

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
        if content is None or version <= template.ended_version:
            raise TemplateNotPublished(name, version, template.latest_version)
        return replace(template, content=content)

    async def list_after(
        self, tenant_id: str, last_name: str, limit: int, *, shown: TemplateFilter
    ) -> list[Template]:
        """Returns up to `limit` templates whose names come after `last_name`, without contents."""
        with database():
            rows = await self._pool.fetch(
                _SQL["list_templates"],
                tenant_id,
                last_name,
                limit,
                shown.name_prefix,
                shown.published_only,
            )
        return [_template_from_row(row) for row in rows]

    async def list_versions(
        self, tenant_id: str, name: str, before: int, limit: int
    ) -> list[Version]:
        """Returns up to `limit` versions older than `before`, newest first, 0 for the newest; raises TemplateNotFound."""
        template = await self.get(tenant_id, name)
        with database():
            rows = await self._pool.fetch(
                _SQL["list_versions"], tenant_id, name, template.ended_version, before, limit
            )
        return [_version_from_row(row) for row in rows]


async def create(
    connection: Connection, tenant_id: str, name: str, content: Content, now: datetime
) -> Template:
    """Stores a template with its first draft; raises TemplateAlreadyExists."""
    row = await connection.fetchrow(
        _SQL["insert_template"], tenant_id, name, content_to_bytes(content), now
    )
    if row is None:
        raise TemplateAlreadyExists(name)
    return _template_from_row(row)


async def replace_draft(
    connection: Connection, tenant_id: str, name: str, content: Content, now: datetime
) -> Template:
    """Returns the changed template, which must be locked."""
    (row,) = await connection.fetch(
        _SQL["replace_draft"], tenant_id, name, content_to_bytes(content), now
    )
    return _template_from_row(row)


async def delete(connection: Connection, tenant_id: str, name: str, now: datetime) -> None:
    """Deletes a template, which must be locked; its versions stay to be rendered."""
    await connection.execute(_SQL["delete_template"], tenant_id, name, now)


async def lock(connection: Connection, tenant_id: str, name: str, etag: str) -> Template:
    """Holds a template until the transaction ends; raises TemplateNotFound, or EtagMismatch for another state."""
    row = await connection.fetchrow(_SQL["lock_template"], tenant_id, name)
    if row is None:
        raise TemplateNotFound(name)
    template = _template_from_row(row)
    if not template.has_etag(etag):
        raise EtagMismatch(f"draft of {name}", template.etag)
    return template


async def publish(connection: Connection, tenant_id: str, template: Template, now: datetime) -> int:
    """Returns the version that the draft of a locked template is now."""
    newest = await _version(connection, tenant_id, template.name, template.latest_version)
    version = next_version(template, newest)
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
        ended_version=row["ended_version"],
        revision=row["revision"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def _version_from_row(row: asyncpg.Record) -> Version:
    return Version(
        version=row["version"],
        channels=tuple(content_from_bytes(row["content"]).sources),
        publish_time=row["create_time"],
    )
