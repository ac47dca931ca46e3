"""Tenants, as the operator makes them on the internal listener."""

from __future__ import annotations

import grpc
import pytest

from libs.rpc.channel import open_channel
from tests.integration.access.running import Running, tenant_admin
from tests.support.refusals import refusal
from tidings.common.v1.authorization_pb2 import SCOPE_ADMIN
from tidings.internal.access.v1.tenant_service_pb2 import (
    CreateAdminKeyRequest,
    CreateTenantRequest,
)
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceStub


async def test_an_admin_key_holds_every_scope(running: Running) -> None:
    secret = await tenant_admin(running, "new-tenant")
    caller = await running.fresh_authenticator.authenticate(secret)
    assert caller.tenant_id == "new-tenant"
    assert caller.scopes == {SCOPE_ADMIN}


async def test_a_tenant_is_created_once(running: Running) -> None:
    tenants = TenantServiceStub(running.internal)
    await tenants.CreateTenant(CreateTenantRequest(tenant_id="once"))
    refused = await refusal(tenants.CreateTenant(CreateTenantRequest(tenant_id="once")))
    assert refused.code is grpc.StatusCode.ALREADY_EXISTS
    assert refused.reason == "TENANT_ALREADY_EXISTS"
    assert refused.metadata == {"tenant_id": "once"}


async def test_an_admin_key_needs_its_tenant(running: Running) -> None:
    tenants = TenantServiceStub(running.internal)
    refused = await refusal(tenants.CreateAdminKey(CreateAdminKeyRequest(tenant_id="nobody")))
    assert refused.code is grpc.StatusCode.NOT_FOUND
    assert refused.reason == "TENANT_NOT_FOUND"
    assert refused.metadata == {"tenant_id": "nobody"}


@pytest.mark.parametrize("tenant_id", ["", "Upper", "-edge", "edge-", "a" * 64, "a_b"])
async def test_a_tenant_id_is_a_host_label(running: Running, tenant_id: str) -> None:
    tenants = TenantServiceStub(running.internal)
    refused = await refusal(tenants.CreateTenant(CreateTenantRequest(tenant_id=tenant_id)))
    assert (refused.reason, set(refused.violations)) == ("INVALID_FIELD", {"tenant_id"})


async def test_the_public_listener_creates_no_tenants(running: Running) -> None:
    tenants = TenantServiceStub(running.public)
    refused = await refusal(tenants.CreateTenant(CreateTenantRequest(tenant_id="outside")))
    assert refused.reason == "METHOD_NOT_FOUND"


async def test_the_internal_listener_wants_the_cluster_credential(running: Running) -> None:
    async with open_channel(running.internal_address, cluster_secret="guessed") as channel:
        refused = await refusal(
            TenantServiceStub(channel).CreateTenant(CreateTenantRequest(tenant_id="guessed"))
        )
    assert refused.reason == "CLUSTER_CREDENTIAL_INVALID"
