"""TenantService, for the operator of the cluster."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rpc.pipeline import Context
from services.access.usecases.create_api_key import CreateAdminKey
from services.access.usecases.create_tenant import CreateTenant
from tidings.internal.access.v1 import tenant_service_pb2 as pb
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantServicer(TenantServiceServicer):
    """Creates tenants and the keys that let them in."""

    create_tenant: CreateTenant
    create_admin_key: CreateAdminKey

    async def CreateTenant(
        self, request: pb.CreateTenantRequest, context: Context
    ) -> pb.CreateTenantResponse:
        """See the contract."""
        await self.create_tenant(request.tenant_id, request.display_name)
        return pb.CreateTenantResponse()

    async def CreateAdminKey(
        self, request: pb.CreateAdminKeyRequest, context: Context
    ) -> pb.CreateAdminKeyResponse:
        """See the contract."""
        secret = await self.create_admin_key(request.tenant_id)
        return pb.CreateAdminKeyResponse(secret=secret.text)
