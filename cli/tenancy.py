"""Tenants and their first keys, through the internal listener with the cluster credential."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cli.operating import Operator
from libs.rpc.channel import open_channel
from tidings.internal.access.v1.tenant_service_pb2 import (
    CreateAdminKeyRequest,
    CreateTenantRequest,
)
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceStub


class Tenancy:
    """What the operator may ask of access."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._stub = TenantServiceStub(operator.channel)

    async def create(self, tenant_id: str, display_name: str) -> None:
        """Creates a tenant; raises Refused (`TENANT_ALREADY_EXISTS`) or Unreachable."""
        request = CreateTenantRequest(tenant_id=tenant_id, display_name=display_name)
        await self._operator.ask(self._stub.CreateTenant(request))

    async def create_admin_key(self, tenant_id: str) -> str:
        """Returns the secret of a new key with every scope; raises Refused or Unreachable."""
        request = CreateAdminKeyRequest(tenant_id=tenant_id)
        return (await self._operator.ask(self._stub.CreateAdminKey(request))).secret


@asynccontextmanager
async def open_tenancy(address: str, cluster_secret: str) -> AsyncIterator[Tenancy]:
    """Opens a channel to the internal listener of access."""
    async with open_channel(address, cluster_secret=cluster_secret) as channel:
        yield Tenancy(Operator(address, channel))
