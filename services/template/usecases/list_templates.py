"""Lists templates."""

from __future__ import annotations

from dataclasses import dataclass

from libs.paging import Page, PageRequest
from services.template.domain.models import Template, TemplateFilter
from services.template.store.templates import TemplateStore


@dataclass(frozen=True, slots=True)
class ListTemplates:
    """Returns a tenant's templates by name, without contents."""

    store: TemplateStore

    async def __call__(
        self, tenant_id: str, request: PageRequest, shown: TemplateFilter
    ) -> Page[Template]:
        """Returns the page after the last name of the page before."""
        found = await self.store.list_after(tenant_id, request.after, request.limit, shown=shown)
        return Page.cut(found, request, key=lambda template: template.name)
