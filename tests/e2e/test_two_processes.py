"""Two whole servers over one database and one Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import open_parts
from tests.e2e.test_send import delivered
from tests.support.api import Api, create_tenant
from tests.support.refusals import refusal
from tests.support.server import ServerProcess
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.inbox.v1.inbox_stream_service_pb2 import StartLive, SubscribeRequest

SECRET = "a cluster secret for the tests only"


@pytest.fixture(scope="module")
async def apis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Api, Api]]:
    folder: Path = tmp_path_factory.mktemp("two")
    async with AsyncExitStack() as stack:
        directory = await stack.enter_async_context(open_data_directory(folder / "parts"))
        parts = await stack.enter_async_context(open_parts(directory))
        environ = {
            "TIDINGS_DATABASE_URL": parts.database_url,
            "TIDINGS_REDIS_URL": parts.redis_url,
            "TIDINGS_CLUSTER_SECRET": SECRET,
        }
        servers = [ServerProcess(folder / name, environ) for name in ("one", "two")]
        for server in servers:
            await server.start()
            stack.push_async_callback(server.stop)
        key = await create_tenant(servers[0].internal_address, SECRET)
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(server.public_address))
            for server in servers
        ]
        one, two = (Api(channel, key) for channel in channels)
        await one.seed()
        yield one, two


async def test_fifty_calls_at_once_with_one_request_id_are_one_notification(
    apis: tuple[Api, Api],
) -> None:
    answers = await asyncio.gather(
        *(apis[number % 2].send(request_id="same") for number in range(50))
    )
    assert len({answer.notification_id for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    times = {answer.estimated_delivery_time.ToNanoseconds() for answer in answers}
    assert len(times) == 1
    for api in apis:
        error = await refusal(api.send(request_id="same", variables={"order": 1}))
        assert error.reason == "REQUEST_ID_REUSED"
    await delivered(apis[1], answers[0].notification_id)
    page = await apis[1].inbox.ListInboxItems(
        ListInboxItemsRequest(recipient_id="alice"), metadata=apis[1].metadata
    )
    assert page.counts.total == 1


async def test_what_one_takes_in_reaches_a_stream_that_the_other_holds(
    apis: tuple[Api, Api],
) -> None:
    stream = apis[1].stream.Subscribe(
        SubscribeRequest(recipient_id="alice", live=StartLive()), metadata=apis[1].metadata
    )
    frames = stream.__aiter__()
    assert (await anext(frames)).HasField("opened")
    answer = await apis[0].send(variables={"order": 7})
    async with asyncio.timeout(10):
        frame = await anext(frames)
        while not frame.HasField("changes"):
            frame = await anext(frames)
    assert [c.item.item_id for c in frame.changes.changes] == [answer.notification_id]
    stream.cancel()
