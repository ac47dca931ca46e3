"""Replaces a template's draft."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from services.template.domain.models import Content, Template
from services.template.store.templates import TemplateStore
from services.template.usecases.check_draft import CheckDraft


@dataclass(frozen=True, slots=True)
class UpdateTemplate:
    """Replaces a draft; published versions stay as they are."""

    store: TemplateStore
    check_draft: CheckDraft
    clock: Clock

    async def __call__(self, tenant_id: str, name: str, content: Content, etag: str) -> Template:
        """Raises TemplateInvalid, TemplateNotFound, or EtagMismatch when `etag` is given and old."""
        await self.check_draft(name, content)
        now = self.clock.now()
        return await self.store.replace_draft(tenant_id, name, content, etag=etag, now=now)
