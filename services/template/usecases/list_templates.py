"""Lists templates."""

from __future__ import annotations

from dataclasses import dataclass

from services.template.domain.page import Page, PageRequest
from services.template.store.templates import TemplateStore


@dataclass(frozen=True, slots=True)
class ListTemplates:
    """Returns a tenant's templates by name, without contents."""

    store: TemplateStore

    async def __call__(self, tenant_id: str, request: PageRequest) -> Page:
        """Returns the page after the last name of the page before."""
        # One more than asked for says whether there is a next page.
        found = await self.store.list_after(tenant_id, request.after, request.size + 1)
        return Page.cut(found, request.size)
