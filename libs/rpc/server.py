"""gRPC servers with our options, health by service name, and reflection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from libs.rpc.pipeline import Gatekeeper, Pipeline

_HEALTH: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
Servicer = TypeVar("Servicer")

_TRANSPORT_LIMIT = 8 << 20
INTERNAL_LIMIT = 64 << 20
"""Largest message between services: a batch of 50 of the largest mails."""
_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # The key with `recv` in it, which many copy, is silently ignored.
    ("grpc.http2.min_ping_interval_without_data_ms", 15_000),
    ("grpc.max_connection_idle_ms", 15 * 60_000),
    ("grpc.max_connection_age_ms", 60 * 60_000),
    # Age without grace never ends a stream whose client has stopped reading.
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.max_concurrent_streams", 1_000),
    # With the defaults a storm of reconnecting streams is refused at random with CANCELLED.
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 30_000),
    # On, a second process could bind the same port without an error.
    ("grpc.so_reuseport", 0),
]


class Server:
    """A listener. Servicers are added, then it starts; `drain` first, `stop` last."""

    def __init__(self, gate: Gatekeeper, *, max_request_bytes: int = INTERNAL_LIMIT) -> None:
        pipeline = Pipeline(gate, max_request_bytes=max_request_bytes)
        # The transport takes more than a method does, so that the refusal can be typed.
        limit = ("grpc.max_receive_message_length", max(max_request_bytes, _TRANSPORT_LIMIT))
        self._server = grpc.aio.server(interceptors=[pipeline], options=[*_OPTIONS, limit])
        self._health = health.HealthServicer()
        self._names: list[str] = []

    def add(
        self,
        register: Callable[[Servicer, grpc.aio.Server], None],
        servicer: Servicer,
        descriptor: ServiceDescriptor,
    ) -> None:
        """Adds a servicer by its generated `add_…_to_server`."""
        register(servicer, self._server)
        self._names.append(descriptor.full_name)

    def bind(self, address: str) -> int:
        """Binds `host:port`, port 0 for a free one, and returns the port; RuntimeError when it is taken."""
        return self._server.add_insecure_port(address)

    async def start(self) -> None:
        """Starts to answer, healthy under each service's name and under the empty one."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflected = [*self._names, _HEALTH, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(reflected, self._server)
        for name in ["", *self._names]:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def drain(self) -> None:
        """Says NOT_SERVING, while calls go on being answered."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace: float) -> None:
        """Refuses new calls and gives those in progress `grace` seconds."""
        await self._server.stop(grace)
