"""What endpoints say of themselves reaches preference, however long that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc

from services.dispatch.clients import Preference
from services.dispatch.store.gone_endpoints import GoneEndpointStore
from services.dispatch.usecases.tell_gone_endpoints import TellGoneEndpoints
from tests.integration.dispatch.webhook_bench import WebhookBench
from tests.support.ports import free_port
from tests.support.receiver import open_receiver, status
from tidings.common.v1.channel_pb2 import CHANNEL_WEBHOOK
from tidings.internal.preference.v1.endpoint_service_pb2 import (
    GoneEndpoint,
    ReportGoneEndpointsRequest,
    ReportGoneEndpointsResponse,
)
from tidings.internal.preference.v1.endpoint_service_pb2_grpc import (
    EndpointServiceServicer,
    EndpointServiceStub,
    add_EndpointServiceServicer_to_server,
)


class Listener(EndpointServiceServicer):
    """Stands where preference is, and notes what it is told."""

    def __init__(self) -> None:
        self.told: list[GoneEndpoint] = []

    async def ReportGoneEndpoints(
        self,
        request: ReportGoneEndpointsRequest,
        context: grpc.aio.ServicerContext[object, object],
    ) -> ReportGoneEndpointsResponse:
        self.told += request.endpoints
        return ReportGoneEndpointsResponse()


@asynccontextmanager
async def telling(webhooks: WebhookBench, port: int) -> AsyncIterator[TellGoneEndpoints]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield TellGoneEndpoints(
            GoneEndpointStore(webhooks.pool), Preference(EndpointServiceStub(channel))
        )


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Listener]:
    listener, server = Listener(), grpc.aio.server()
    add_EndpointServiceServicer_to_server(listener, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield listener
    finally:
        await server.stop(None)


async def test_what_could_not_be_told_is_told_later_and_then_forgotten(
    webhooks: WebhookBench,
) -> None:
    await webhooks.pool.execute("TRUNCATE dispatch.gone_endpoints")
    begun = datetime.now(UTC) - timedelta(minutes=2)
    async with open_receiver(status(410)) as receiver, webhooks.sender() as sender:
        url = f"http://hook.example:{receiver.port}/"
        claimed = await webhooks.claim(url, url)
        await webhooks.send(sender, claimed)
        receiver.answer = status(404)
        await webhooks.send(sender, await webhooks.claim(url))

    port = free_port()
    async with telling(webhooks, port) as tell:
        await tell()
    waiting = "SELECT count(*) FROM dispatch.gone_endpoints WHERE due_time > now()"
    assert await webhooks.pool.fetchval(waiting) == 2

    async with listening(port) as preference, telling(webhooks, port) as tell:
        await tell()
        assert preference.told == []
        await webhooks.pool.execute("UPDATE dispatch.gone_endpoints SET due_time = now()")
        await tell()
        await tell()
    assert len(preference.told) == 2
    for told in preference.told:
        assert (told.tenant_id, told.recipient_id) == ("demo", "alice")
        assert (told.channel, told.endpoint) == (CHANNEL_WEBHOOK, url)
        assert begun < told.call_time.ToDatetime(UTC) < datetime.now(UTC)
    assert await webhooks.pool.fetchval("SELECT count(*) FROM dispatch.gone_endpoints") == 0
