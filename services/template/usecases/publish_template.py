"""Publishes a draft."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from services.template.store.templates import TemplateStore


@dataclass(frozen=True, slots=True)
class PublishTemplate:
    """Makes the draft the next version, unless it is the newest one already."""

    store: TemplateStore
    clock: Clock

    async def __call__(self, tenant_id: str, name: str, etag: str) -> int:
        """Returns the version; raises TemplateNotFound, or EtagMismatch when `etag` is given and old."""
        return await self.store.publish(tenant_id, name, etag=etag, now=self.clock.now())
