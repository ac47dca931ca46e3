"""tracking in a process of its own, on RabbitMQ: killed under load, and away."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import grpc
import pytest

from cli.serve import SERVICE_NAMES
from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import open_parts
from libs.embedded.smtp_sink import open_smtp_sink
from tests.chaos.services import ServiceProcess
from tests.e2e.test_send import delivered
from tests.support.api import Api, create_tenant
from tests.support.eventually import eventually
from tests.support.rabbitmq import open_broker_node
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP
from tidings.dispatch.v1.delivery_pb2 import DeliveryState
from tidings.inbox.v1.inbox_service_pb2 import MarkReadRequest
from tidings.tracking.v1.report_service_pb2 import CountDeliveriesRequest
from tidings.tracking.v1.report_service_pb2_grpc import ReportServiceStub

SENT = DeliveryState.DELIVERY_STATE_SENT
NOTIFICATIONS = 300
CALLERS = 10
# Twice what is waited for dispatch or tracking, and something for a slow machine.
SOON_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """A cluster with tracking apart."""

    core: ServiceProcess
    tracking: ServiceProcess
    secret: str
    database_url: str

    async def counted(self, api: Api) -> Counter[str]:
        """Returns what tracking counts, by the name of the state."""
        async with grpc.aio.insecure_channel(self.tracking.public_address) as channel:
            answer = await ReportServiceStub(channel).CountDeliveries(
                CountDeliveriesRequest(), metadata=api.metadata
            )
        found = Counter[str]()
        for place in answer.counts:
            found.update({DeliveryState.Name(s.state): s.count for s in place.states})
        return found

    async def in_ledger(self) -> Counter[str]:
        """Returns what the ledger has."""
        connection = await asyncpg.connect(self.database_url)
        try:
            rows = await connection.fetch(
                "SELECT state, count(*) FROM dispatch.deliveries GROUP BY state"
            )
        finally:
            await connection.close()
        return Counter({DeliveryState.Name(row["state"]): row["count"] for row in rows})


@pytest.fixture(scope="module")
async def apart(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Apart]:
    folder: Path = tmp_path_factory.mktemp("apart")
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(open_broker_node(folder / "rabbitmq"))
        directory = await stack.enter_async_context(open_data_directory(folder / "parts"))
        parts = await stack.enter_async_context(open_parts(directory))
        sink = await stack.enter_async_context(open_smtp_sink(folder / "mails"))
        others = [name for name in SERVICE_NAMES if name != "tracking"]
        core = ServiceProcess("core", others, folder)
        tracking = ServiceProcess("tracking", ["tracking"], folder)
        secret = secrets.token_hex(16)
        environ = {
            "TIDINGS_DATABASE_URL": parts.database_url,
            "TIDINGS_REDIS_URL": parts.redis_url,
            "TIDINGS_AMQP_URL": node.url,
            "TIDINGS_SMTP_URL": sink.url,
            "TIDINGS_CLUSTER_SECRET": secret,
            "TIDINGS_DISPATCH_EVENT_INTERVAL_SECONDS": "1",
            "TIDINGS_TRACKING_ADDRESS": tracking.internal_address,
            **{f"TIDINGS_{name.upper()}_ADDRESS": core.internal_address for name in others},
        }
        for process in (core, tracking):
            process.environ = dict(environ)
            await process.start()
            stack.push_async_callback(process.kill)
        yield Apart(core=core, tracking=tracking, secret=secret, database_url=parts.database_url)


@pytest.fixture
async def api(apart: Apart) -> AsyncIterator[Api]:
    key = await create_tenant(apart.core.internal_address, apart.secret)
    async with grpc.aio.insecure_channel(apart.core.public_address) as channel:
        client = Api(channel, key)
        await client.seed()
        yield client


@pytest.mark.timeout(180)
async def test_killed_before_and_after_its_commits_it_counts_what_the_ledger_has(
    apart: Apart, api: Api
) -> None:
    slots = asyncio.Semaphore(CALLERS)

    async def send(number: int) -> None:
        async with slots:
            await api.send(variables={"order": number}, channels=[CHANNEL_IN_APP])

    async with asyncio.TaskGroup() as group:
        for life, moment in enumerate(("received", "recorded", "recorded")):
            await apart.tracking.kill()
            for number in range(NOTIFICATIONS // 3):
                group.create_task(send(number + life * 1000))
            # It dies by itself, with an event in hand that is not committed yet, or is committed
            # and still unsettled for the broker.
            await apart.tracking.start(failpoint=f"tracking.{moment}:3")
            assert await apart.tracking.died(within=30)
    assert await apart.in_ledger()
    await apart.tracking.start()

    async def equal() -> bool:
        ledger = await apart.in_ledger()
        return ledger.total() == NOTIFICATIONS and await apart.counted(api) == ledger

    assert await eventually(equal, within=60)
    assert await apart.counted(api) == {"DELIVERY_STATE_SENT": NOTIFICATIONS}


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_while_it_is_away_nothing_waits_for_it(apart: Apart, api: Api, how: str) -> None:
    # Asked before, so that one that freezes leaves an open connection that says nothing more.
    assert (await api.get((await api.send()).notification_id)).timeline_complete
    if how == "killed":
        await apart.tracking.kill()
    else:
        apart.tracking.freeze()
    try:
        answer = await api.send()

        async def sent() -> bool:
            deliveries = (await api.get(answer.notification_id)).deliveries
            return [delivery.state for delivery in deliveries] == [SENT, SENT]

        await eventually(sent, within=30)
        began = time.monotonic()
        shown = await api.get(answer.notification_id)
        assert time.monotonic() - began < SOON_S
        assert not shown.timeline_complete
        assert len(shown.decisions) == 2
        await api.inbox.MarkRead(
            MarkReadRequest(recipient_id="alice", item_ids=[answer.notification_id]),
            metadata=api.metadata,
        )
    finally:
        if how == "killed":
            await apart.tracking.start()
        else:
            apart.tracking.thaw()

    async def caught_up() -> bool:
        notification = await api.get(answer.notification_id)
        return notification.timeline_complete and len(notification.facts) == 1

    assert await eventually(caught_up, within=30)
    assert (await apart.counted(api)).total() == 4


async def test_without_the_inbox_a_timeline_says_that_it_may_lack_something(
    apart: Apart, api: Api
) -> None:
    """The tables that receipts are read from are locked: the inbox is there and does not answer."""
    answer = await api.send(channels=[CHANNEL_IN_APP])
    await delivered(api, answer.notification_id)
    connection = await asyncpg.connect(apart.database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE inbox.items IN ACCESS EXCLUSIVE MODE")
            began = time.monotonic()
            shown = await api.get(answer.notification_id)
            assert time.monotonic() - began < SOON_S
            assert not shown.timeline_complete
            assert [delivery.state for delivery in shown.deliveries] == [SENT]
    finally:
        await connection.close()
    assert (await api.get(answer.notification_id)).timeline_complete
