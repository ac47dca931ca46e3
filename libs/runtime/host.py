"""What a process lends to each service that it hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import grpc
from redis.asyncio import Redis

from libs.clock import Clock
from libs.cluster_secret import ClusterSecrets
from libs.config import Environ
from libs.messaging.broker import Broker
from libs.rpc.server import Server
from libs.runtime.loops import Loops


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Shared parts of one process. A service takes what it needs in its `wiring.open_service`."""

    environ: Environ
    database_url: str
    redis: Redis
    broker: Broker
    clock: Clock
    cluster_secrets: ClusterSecrets
    """What secrets at rest are sealed under; see libs.sealing."""
    public: Server
    """Listener for users' clients."""
    internal: Server
    """Listener for the other services, behind the cluster credential."""
    peer: Callable[[str], grpc.aio.Channel]
    """Channel to the internal listener of the service of that name."""
    loops: Loops
    draining: asyncio.Event
    """Set when the process is being stopped; streams then say goodbye."""
    sole: bool
    """Whether the lock on the data directory proves every older process dead."""
