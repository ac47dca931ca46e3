"""A server in a process of its own that exports to a receiver in this one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from tests.support.api import Api, create_tenant
from tests.support.otlp import Receiver, open_receiver
from tests.support.server import ServerProcess

FREQUENT = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "200"}
RECIPIENTS = tuple(f"r{number}" for number in range(100))


@asynccontextmanager
async def exporting(
    folder: Path, **environ: str
) -> AsyncIterator[tuple[Receiver, ServerProcess, Api]]:
    """Runs a server that exports often, and gives a seeded client of it."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(open_receiver())
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, **FREQUENT, **environ}
        server = ServerProcess(folder / "data", settings)
        await server.start()
        stack.push_async_callback(server.stop)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(server.public_address))
        api = Api(channel, await create_tenant(server.internal_address, server.cluster_secret))
        await api.seed(("alice", *RECIPIENTS))
        yield receiver, server, api


@pytest.fixture(scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Receiver, Api]]:
    """Nothing is sampled but what a caller samples."""
    folder = tmp_path_factory.mktemp("telemetry")
    async with exporting(folder, TIDINGS_TRACE_SAMPLE_RATIO="0") as (receiver, _, api):
        yield receiver, api
