"""Checks a draft before it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from services.template.clients.renderer import Renderer
from services.template.domain.drafts import draft_violations
from services.template.domain.errors import TemplateInvalid
from services.template.domain.models import Content


@dataclass(frozen=True, slots=True)
class CheckDraft:
    """Finds out whether a draft can be used."""

    renderer: Renderer

    async def __call__(self, tenant_id: str, name: str, content: Content) -> None:
        """Raises TemplateInvalid with everything that is wrong."""
        inspections = await self.renderer.inspect(tenant_id, content)
        violations = list(draft_violations(content, inspections))
        if violations:
            raise TemplateInvalid(name, violations)
