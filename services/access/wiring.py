"""Puts access together."""

from __future__ import annotations

from contextlib import AsyncExitStack

from libs.config import SettingError
from libs.idempotency import SWEEP_INTERVAL, RequestIds
from libs.postgres.migrations import migrate
from libs.postgres.pool import open_pool
from libs.runtime.host import Host
from libs.sealing import RESEAL_INTERVAL, Unopenable
from services.access.entrypoints.access import AccessServicer
from services.access.entrypoints.credentials import CredentialServicer
from services.access.entrypoints.tenants import TenantServicer
from services.access.store.api_keys import Store
from services.access.store.signing_keys import SigningKeys
from services.access.usecases.create_api_key import CreateAdminKey, CreateApiKey
from services.access.usecases.create_tenant import CreateTenant
from services.access.usecases.get_api_key import GetApiKey
from services.access.usecases.issue_recipient_token import IssueRecipientToken
from services.access.usecases.list_api_keys import ListApiKeys
from services.access.usecases.look_up_api_key import LookUpApiKey
from services.access.usecases.open_key_ring import open_key_ring
from services.access.usecases.revoke_api_key import RevokeApiKey
from tidings.access.v1 import access_service_pb2
from tidings.access.v1.access_service_pb2_grpc import add_AccessServiceServicer_to_server
from tidings.internal.access.v1 import credential_service_pb2, tenant_service_pb2
from tidings.internal.access.v1.credential_service_pb2_grpc import (
    add_CredentialServiceServicer_to_server,
)
from tidings.internal.access.v1.tenant_service_pb2_grpc import add_TenantServiceServicer_to_server


async def open_service(stack: AsyncExitStack, host: Host) -> None:
    """Adds access to a host."""
    pool = await stack.enter_async_context(open_pool(host.database_url, application="access"))
    await migrate(pool, package="services.access", schema="access")
    store = Store(pool)
    signing_keys = SigningKeys(pool, secrets=host.cluster_secrets)
    host.loops.add_periodic("access.reseal", signing_keys.reseal, every=RESEAL_INTERVAL)
    try:
        key_ring = await open_key_ring(signing_keys, host.clock)
    except Unopenable as error:
        raise SettingError(f"the key that signs recipient tokens does not open: {error}") from error
    request_ids = RequestIds(pool, schema="access", secrets=host.cluster_secrets)
    host.loops.add_periodic("access.request_ids", request_ids.sweep, every=SWEEP_INTERVAL)
    create_api_key = CreateApiKey(host.clock)
    access = AccessServicer(
        request_ids=request_ids,
        create_api_key=create_api_key,
        get_api_key=GetApiKey(store),
        list_api_keys=ListApiKeys(store, host.clock),
        revoke_api_key=RevokeApiKey(store, host.clock),
        issue_recipient_token=IssueRecipientToken(key_ring.signing_key, host.clock),
        json_web_key_set=key_ring.json_web_key_set,
    )
    credentials = CredentialServicer(
        look_up_api_key=LookUpApiKey(store), json_web_key_set=key_ring.json_web_key_set
    )
    tenants = TenantServicer(
        create_tenant=CreateTenant(store, host.clock),
        create_admin_key=CreateAdminKey(pool, create_api_key),
    )
    host.public.add(
        add_AccessServiceServicer_to_server,
        access,
        access_service_pb2.DESCRIPTOR.services_by_name["AccessService"],
    )
    host.internal.add(
        add_CredentialServiceServicer_to_server,
        credentials,
        credential_service_pb2.DESCRIPTOR.services_by_name["CredentialService"],
    )
    host.internal.add(
        add_TenantServiceServicer_to_server,
        tenants,
        tenant_service_pb2.DESCRIPTOR.services_by_name["TenantService"],
    )
