"""Channels to other services: the cluster credential, deadlines, and one error for a part that is away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc

from libs.errors import DependencyUnavailable
from libs.rpc.pipeline import CLUSTER_CREDENTIAL, cluster_credential
from libs.rpc.server import INTERNAL_LIMIT
from libs.telemetry import calls
from libs.telemetry.contexts import traceparent_of

Response = TypeVar("Response")

DEADLINE_SECONDS = 10.0
_AWAY = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            # UNAVAILABLE says that the call did not reach a service; those between services are harmless
            # to repeat all the same.
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.05s",
                "maxBackoff": "0.5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.max_receive_message_length", INTERNAL_LIMIT),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
]


class _ClusterCaller(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the cluster credential, a deadline where the caller gave none, and the trace context."""

    def __init__(self, secret: str) -> None:
        self._credential = (CLUSTER_CREDENTIAL, cluster_credential(secret))

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        with calls.asking(_path(client_call_details)) as span:
            metadata = [*(client_call_details.metadata or ()), self._credential]
            if span is not None:
                metadata.append((calls.HEADER, traceparent_of(span)))
            details = grpc.aio.ClientCallDetails(
                method=client_call_details.method,
                timeout=client_call_details.timeout or DEADLINE_SECONDS,
                metadata=grpc.aio.Metadata(*metadata),
                credentials=client_call_details.credentials,
                wait_for_ready=client_call_details.wait_for_ready,
            )
            call = await continuation(details, request)
            if span is not None:
                # The span ends with the answer.
                await call
            return call


def _path(details: grpc.aio.ClientCallDetails) -> str:
    """Returns the method as the transport has it, in bytes, or as its types say."""
    method: str | bytes = details.method
    return method.decode() if isinstance(method, bytes) else method


@asynccontextmanager
async def open_channel(address: str, *, cluster_secret: str) -> AsyncIterator[grpc.aio.Channel]:
    """Opens a channel to a service's internal listener."""
    async with grpc.aio.insecure_channel(
        address, options=_OPTIONS, interceptors=[_ClusterCaller(cluster_secret)]
    ) as channel:
        yield channel


async def ask(dependency: str, call: Awaitable[Response]) -> Response:
    """Awaits an internal call; raises DependencyUnavailable when the service is away.

    Any other status means a fault between our own services and goes on as it is.
    """
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if error.code() in _AWAY:
            raise DependencyUnavailable(dependency) from error
        raise
