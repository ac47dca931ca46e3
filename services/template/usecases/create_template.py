"""Creates a template."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from libs.postgres.transaction import Connection
from services.template.domain.models import Content, Template
from services.template.store.templates import create
from services.template.usecases.check_draft import CheckDraft


@dataclass(frozen=True, slots=True)
class CreateTemplate:
    """Stores a template with its first draft."""

    check_draft: CheckDraft
    clock: Clock

    async def __call__(
        self, connection: Connection, tenant_id: str, name: str, content: Content
    ) -> Template:
        """Raises TemplateInvalid or TemplateAlreadyExists."""
        await self.check_draft(tenant_id, name, content)
        return await create(connection, tenant_id, name, content, self.clock.now())
