"""Reads a template."""

from __future__ import annotations

from dataclasses import dataclass

from services.template.domain.models import Template
from services.template.store.templates import TemplateStore


@dataclass(frozen=True, slots=True)
class GetTemplate:
    """Returns a template with its draft, or with the content of a version."""

    store: TemplateStore

    async def __call__(self, tenant_id: str, name: str, version: int) -> Template:
        """Raises TemplateNotFound or TemplateNotPublished; version 0 means the draft."""
        return await self.store.get(tenant_id, name, version)
