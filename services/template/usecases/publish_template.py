"""Publishes a draft."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from libs.postgres.transaction import Connection
from services.template.store.templates import lock, publish


@dataclass(frozen=True, slots=True)
class PublishTemplate:
    """Makes the draft the next version, unless it is the newest one already."""

    clock: Clock

    async def __call__(self, connection: Connection, tenant_id: str, name: str, etag: str) -> int:
        """Returns the version; raises TemplateNotFound, or EtagMismatch when `etag` is given and old."""
        template = await lock(connection, tenant_id, name, etag)
        return await publish(connection, tenant_id, template, self.clock.now())
