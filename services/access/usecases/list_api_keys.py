"""Lists API keys."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from libs.paging import Page, PageRequest
from services.access.domain.models import ApiKey
from services.access.store.api_keys import Store


@dataclass(frozen=True, slots=True)
class ListApiKeys:
    """Returns a tenant's keys, newest first."""

    store: Store
    clock: Clock

    async def __call__(
        self, tenant_id: str, request: PageRequest, *, active_only: bool
    ) -> Page[ApiKey]:
        """Returns the page after the last key of the page before."""
        found = await self.store.list_api_keys(
            tenant_id,
            request.after_uuid(),
            request.limit,
            active_at=self.clock.now() if active_only else None,
        )
        return Page.cut(found, request, key=lambda api_key: str(api_key.key_id))
