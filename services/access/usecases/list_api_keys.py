"""Lists API keys."""

from __future__ import annotations

from dataclasses import dataclass

from services.access.domain.page import Page, PageRequest
from services.access.store import Store


@dataclass(frozen=True, slots=True)
class ListApiKeys:
    """Returns a tenant's keys, newest first."""

    store: Store

    async def __call__(self, tenant_id: str, request: PageRequest) -> Page:
        """Returns the page after the last key of the page before."""
        # One more than asked for says whether there is a next page.
        found = await self.store.list_api_keys(tenant_id, request.before, request.size + 1)
        return Page.cut(found, request.size)
