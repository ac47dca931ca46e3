"""Creates a tenant."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from services.access.domain.models import Tenant
from services.access.store.api_keys import Store


@dataclass(frozen=True, slots=True)
class CreateTenant:
    """Creates a tenant, which has no keys yet."""

    store: Store
    clock: Clock

    async def __call__(self, tenant_id: str, display_name: str) -> None:
        """Raises TenantAlreadyExists."""
        await self.store.add_tenant(
            Tenant(tenant_id=tenant_id, display_name=display_name, create_time=self.clock.now())
        )
