"""Deletes a template."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from libs.postgres.transaction import Connection
from services.template.store.templates import delete, lock


@dataclass(frozen=True, slots=True)
class DeleteTemplate:
    """Takes a template from new sends; what was accepted with it is still rendered."""

    clock: Clock

    async def __call__(self, connection: Connection, tenant_id: str, name: str, etag: str) -> None:
        """Raises TemplateNotFound, or EtagMismatch when `etag` is given and old."""
        await lock(connection, tenant_id, name, etag)
        await delete(connection, tenant_id, name, self.clock.now())
