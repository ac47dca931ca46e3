"""Changes a template's draft."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from libs.postgres.transaction import Connection
from services.template.domain.drafts import merge
from services.template.domain.models import DraftChange, Template
from services.template.store.templates import lock, replace_draft
from services.template.usecases.check_draft import CheckDraft


@dataclass(frozen=True, slots=True)
class UpdateTemplate:
    """Changes a draft, or parts of it; published versions stay as they are."""

    check_draft: CheckDraft
    clock: Clock

    async def __call__(
        self, connection: Connection, tenant_id: str, change: DraftChange
    ) -> Template:
        """Raises TemplateNotFound, EtagMismatch, or TemplateInvalid when the draft as a whole cannot be used."""
        template = await lock(connection, tenant_id, change.name, change.etag)
        content = merge(template.content, change.content, change.paths)
        # Under the lock, because the parts that stay count as well.
        await self.check_draft(tenant_id, change.name, content)
        return await replace_draft(connection, tenant_id, change.name, content, self.clock.now())
