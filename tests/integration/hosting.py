"""Hosts one service on real gRPC servers, with a gate that believes what the caller says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import grpc

from libs.clock import SystemClock
from libs.cluster_secret import ClusterSecrets
from libs.config import Environ
from libs.identity.caller import Caller, set_caller
from libs.messaging.memory import MemoryBroker
from libs.rpc.channel import open_channel
from libs.rpc.pipeline import ClusterGate, Gatekeeper
from libs.rpc.server import Server
from libs.runtime.host import Host
from libs.runtime.loops import Loops
from libs.runtime.redis import open_redis
from tidings.common.v1.authorization_pb2 import Scope

CLUSTER_SECRETS = ClusterSecrets("a cluster secret for the tests only")
Metadata = tuple[tuple[str, str], ...]
OpenService = Callable[[AsyncExitStack, Host], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """A service that runs, and the ways to it."""

    public: grpc.aio.Channel
    internal: grpc.aio.Channel
    draining: asyncio.Event
    public_address: str
    broker: MemoryBroker


class BelievingGate:
    """Takes the caller from the call's metadata; see `api_key` and `recipient_token`."""

    serves_users = True

    async def admit(self, method: str, metadata: dict[str, str]) -> None:
        claims = json.loads(metadata["x-test-caller"])
        expire_time = claims.pop("expire_time", None)
        set_caller(
            Caller(
                scopes=frozenset({Scope.SCOPE_ADMIN}),
                expire_time=datetime.fromisoformat(expire_time) if expire_time else None,
                **claims,
            )
        )


def api_key(tenant_id: str) -> Metadata:
    """Metadata of a backend's call."""
    return (("x-test-caller", json.dumps({"tenant_id": tenant_id, "subject": "key"})),)


def recipient_token(
    tenant_id: str, recipient_id: str, *, expire_time: datetime | None = None
) -> Metadata:
    """Metadata of an app's call."""
    claims = {"tenant_id": tenant_id, "subject": recipient_id, "recipient_id": recipient_id}
    if expire_time is not None:
        claims["expire_time"] = expire_time.isoformat()
    return (("x-test-caller", json.dumps(claims)),)


@asynccontextmanager
async def hosted(
    open_service: OpenService,
    *,
    database_url: str,
    redis_url: str,
    environ: Mapping[str, str] | None = None,
    broker: MemoryBroker | None = None,
    cluster_secrets: ClusterSecrets = CLUSTER_SECRETS,
    gate: Gatekeeper | None = None,
    peer: Callable[[str], grpc.aio.Channel] | None = None,
) -> AsyncIterator[Hosted]:
    """Runs a service until left; stopping is as a process does it: drain, stop, close. Without `peer` it may ask
    nobody."""
    broker = broker or MemoryBroker()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(open_redis(redis_url))
        host = Host(
            environ=Environ(environ or {}),
            database_url=database_url,
            redis=redis,
            broker=broker,
            clock=SystemClock(),
            cluster_secrets=cluster_secrets,
            public=Server(gate or BelievingGate()),
            internal=Server(ClusterGate(cluster_secrets)),
            peer=peer or _no_peer,
            loops=Loops(),
            draining=asyncio.Event(),
            sole=True,
        )
        await open_service(stack, host)
        address = f"127.0.0.1:{host.public.bind('127.0.0.1:0')}"
        internal_address = f"127.0.0.1:{host.internal.bind('127.0.0.1:0')}"
        host.loops.start()
        stack.push_async_callback(host.loops.stop)
        for server in (host.public, host.internal):
            await server.start()
            stack.push_async_callback(server.stop, 1.0)
        stack.callback(host.draining.set)
        yield Hosted(
            public=await stack.enter_async_context(grpc.aio.insecure_channel(address)),
            internal=await stack.enter_async_context(
                open_channel(internal_address, cluster_secret=cluster_secrets.current)
            ),
            draining=host.draining,
            public_address=address,
            broker=broker,
        )


def _no_peer(name: str) -> grpc.aio.Channel:
    raise AssertionError(f"asks no other service, and not {name}")
