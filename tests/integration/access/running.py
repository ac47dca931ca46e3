"""Runs access as a process hosts it: its public listener asks its own internal one who is calling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
from redis.asyncio import Redis

from libs.clock import SystemClock
from libs.cluster_secret import ClusterSecrets
from libs.config import Environ
from libs.identity.authenticator import Authenticator
from libs.messaging.memory import MemoryBroker
from libs.rpc.channel import open_channel
from libs.rpc.pipeline import ClusterGate, PublicGate
from libs.rpc.server import Server
from libs.runtime.host import Host
from libs.runtime.loops import Loops
from services.access.wiring import open_service
from tests.integration.hosting import CLUSTER_SECRETS
from tidings.internal.access.v1.credential_service_pb2_grpc import CredentialServiceStub
from tidings.internal.access.v1.tenant_service_pb2 import (
    CreateAdminKeyRequest,
    CreateTenantRequest,
)
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceStub


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running access, and the ways to it."""

    public: grpc.aio.Channel
    internal: grpc.aio.Channel
    internal_address: str
    fresh_authenticator: Authenticator
    """Checks credentials without what the listener's own has kept."""


@asynccontextmanager
async def running_access(
    database_url: str, *, secrets: ClusterSecrets = CLUSTER_SECRETS
) -> AsyncIterator[Running]:
    """Runs access on two listeners until left."""
    async with AsyncExitStack() as stack:
        internal = Server(ClusterGate(secrets))
        address = f"127.0.0.1:{internal.bind('127.0.0.1:0')}"
        channel = await stack.enter_async_context(
            open_channel(address, cluster_secret=secrets.current)
        )
        public = Server(PublicGate(Authenticator(CredentialServiceStub(channel))))
        public_address = f"127.0.0.1:{public.bind('127.0.0.1:0')}"
        await open_service(stack, _host(database_url, secrets, public=public, internal=internal))
        for server in (public, internal):
            await server.start()
            stack.push_async_callback(server.stop, 1.0)
        yield Running(
            public=await stack.enter_async_context(grpc.aio.insecure_channel(public_address)),
            internal=channel,
            internal_address=address,
            fresh_authenticator=Authenticator(CredentialServiceStub(channel)),
        )


def _host(database_url: str, secrets: ClusterSecrets, *, public: Server, internal: Server) -> Host:
    return Host(
        environ=Environ({}),
        database_url=database_url,
        redis=Redis(),
        broker=MemoryBroker(),
        clock=SystemClock(),
        cluster_secrets=secrets,
        public=public,
        internal=internal,
        peer=_no_peer,
        loops=Loops(),
        draining=asyncio.Event(),
        sole=True,
    )


def _no_peer(name: str) -> grpc.aio.Channel:
    raise AssertionError(f"access asks no other service, and not {name}")


async def tenant_admin(running: Running, tenant_id: str) -> str:
    """Creates a tenant and returns the secret of its first key."""
    tenants = TenantServiceStub(running.internal)
    await tenants.CreateTenant(CreateTenantRequest(tenant_id=tenant_id))
    answer = await tenants.CreateAdminKey(CreateAdminKeyRequest(tenant_id=tenant_id))
    return answer.secret
