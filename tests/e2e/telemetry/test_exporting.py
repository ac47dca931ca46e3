"""Exporting never stands in the way: not of a call, and not of the process's end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from libs.telemetry import names
from tests.e2e.telemetry.conftest import exporting
from tests.e2e.telemetry.test_traces import traceparent
from tests.support.api import Api, create_tenant, send_request
from tests.support.otlp import open_silence
from tests.support.ports import free_port
from tests.support.server import ServerProcess
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationsRequest


@asynccontextmanager
async def nobody() -> AsyncIterator[str]:
    """Gives an endpoint at which nobody listens."""
    yield f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("receiver", [open_silence, nobody])
async def test_a_receiver_that_does_not_answer_holds_up_nobody(
    tmp_path: Path, receiver: object
) -> None:
    assert callable(receiver)
    async with receiver() as endpoint:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "10",
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
            "TIDINGS_TRACE_SAMPLE_RATIO": "1",
        }
        server = ServerProcess(tmp_path / "data", settings)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(server.public_address) as channel:
                key = await create_tenant(server.internal_address, server.cluster_secret)
                api = Api(channel, key)
                await api.seed()
                # More spans than the queue holds: what is too much is dropped, and no call fails.
                batch = SendNotificationsRequest(entries=[send_request() for _ in range(500)])
                for entry in batch.entries:
                    entry.request_id = ""
                for number in range(8):
                    for index, entry in enumerate(batch.entries):
                        entry.request_id = f"{number}-{index}"
                    response = await api.ingestion.SendNotifications(
                        batch, metadata=api.metadata, timeout=20
                    )
                    assert all(result.HasField("accepted") for result in response.results)
        finally:
            begun = time.monotonic()
            status = await server.stop()
        assert status == 0
        # Calls and lanes may take their grace; five seconds are the exporters'.
        assert time.monotonic() - begun < 30


async def test_what_is_left_is_sent_when_the_process_ends(tmp_path: Path) -> None:
    late = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_METRIC_EXPORT_INTERVAL": "600000"}
    async with exporting(tmp_path, **late) as (receiver, server, api):
        answer = await api.ingestion.SendNotification(
            send_request(), metadata=(*api.metadata, ("traceparent", traceparent(sampled=True)))
        )
        await asyncio.sleep(0)
        assert receiver.spans == []
        assert await server.stop() == 0
    accepted = receiver.named(names.ACCEPTED)
    assert [s.attributes[names.NOTIFICATION_ID] for s in accepted] == [answer.notification_id]
    assert names.NOTIFICATIONS_ACCEPTED in {metric.name for _, metric in receiver.metrics}


async def test_a_name_and_attributes_of_the_operators_choice(tmp_path: Path) -> None:
    named = {
        "OTEL_SERVICE_NAME": "mine",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=a%20b",
    }
    async with exporting(tmp_path, **named) as (receiver, server, api):
        await api.ingestion.SendNotification(
            send_request(), metadata=(*api.metadata, ("traceparent", traceparent(sampled=True)))
        )
        await server.stop()
    assert {span.service for span in receiver.spans} == {"mine"}
    assert any(b"deployment.environment.name" in r and b"a b" in r for r in receiver.received)
