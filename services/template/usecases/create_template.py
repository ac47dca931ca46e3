"""Creates a template."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from services.template.domain.models import Content, Template
from services.template.store.templates import TemplateStore
from services.template.usecases.check_draft import CheckDraft


@dataclass(frozen=True, slots=True)
class CreateTemplate:
    """Stores a template with its first draft."""

    store: TemplateStore
    check_draft: CheckDraft
    clock: Clock

    async def __call__(self, tenant_id: str, name: str, content: Content) -> Template:
        """Raises TemplateInvalid or TemplateAlreadyExists."""
        await self.check_draft(name, content)
        return await self.store.create(tenant_id, name, content, self.clock.now())
