"""tracking rebuilt from the ledger by the operator's command, while one of the two is killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
import pytest

from cli.serve import SERVICE_NAMES
from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import open_parts
from libs.embedded.smtp_sink import open_smtp_sink
from tests.chaos.services import ServiceProcess
from tests.support.api import Api, create_tenant, send_request
from tests.support.eventually import eventually
from tests.support.rabbitmq import open_broker_node
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP
from tidings.inbox.v1.inbox_service_pb2 import MarkReadRequest
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancelNotificationRequest,
    SendNotificationsRequest,
)
from tidings.tracking.v1.report_service_pb2 import (
    CountDeliveriesRequest,
    DeliveryCount,
    DeliveryRecord,
    ListDeliveriesRequest,
)
from tidings.tracking.v1.report_service_pb2_grpc import ReportServiceStub

# Pages of 500 deliveries, of which there are several.
BATCH, BATCHES = 400, 5
Reports = tuple[list[DeliveryRecord], list[DeliveryCount]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """A cluster with dispatch and tracking each apart."""

    core: ServiceProcess
    dispatch: ServiceProcess
    tracking: ServiceProcess
    secret: str
    database_url: str

    def of(self, name: str) -> ServiceProcess:
        """Returns the process that hosts a service."""
        return {"dispatch": self.dispatch, "tracking": self.tracking}[name]

    async def reports(self, api: Api) -> Reports:
        """Returns all that a tenant sees, by whole messages."""
        async with grpc.aio.insecure_channel(self.tracking.public_address) as channel:
            stub = ReportServiceStub(channel)
            counts = await stub.CountDeliveries(CountDeliveriesRequest(), metadata=api.metadata)
            listed: list[DeliveryRecord] = []
            token = ""
            while True:
                page = await stub.ListDeliveries(
                    ListDeliveriesRequest(page_size=200, page_token=token), metadata=api.metadata
                )
                listed += page.deliveries
                token = page.next_page_token
                if not token:
                    return listed, list(counts.counts)

    async def ask(self, query: str) -> Any:
        """Returns one value of the database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def operate(self, *arguments: str) -> dict[str, Any]:
        """Runs `tidings tracking …` as the operator does."""
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("tidings")),
            "tracking",
            *arguments,
            "-o",
            "json",
            env={
                **os.environ,
                "TIDINGS_INTERNAL_ADDRESS": self.tracking.internal_address,
                "TIDINGS_CLUSTER_SECRET": self.secret,
            },
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        answer: dict[str, Any] = json.loads(said)
        return answer


@pytest.fixture(scope="module")
async def apart(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Apart]:
    folder: Path = tmp_path_factory.mktemp("rebuild")
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(open_broker_node(folder / "rabbitmq"))
        directory = await stack.enter_async_context(open_data_directory(folder / "parts"))
        parts = await stack.enter_async_context(open_parts(directory))
        sink = await stack.enter_async_context(open_smtp_sink(folder / "mails"))
        others = [name for name in SERVICE_NAMES if name not in {"dispatch", "tracking"}]
        core = ServiceProcess("core", others, folder)
        dispatch = ServiceProcess("dispatch", ["dispatch"], folder)
        tracking = ServiceProcess("tracking", ["tracking"], folder)
        secret = secrets.token_hex(16)
        environ = {
            "TIDINGS_DATABASE_URL": parts.database_url,
            "TIDINGS_REDIS_URL": parts.redis_url,
            "TIDINGS_AMQP_URL": node.url,
            "TIDINGS_SMTP_URL": sink.url,
            "TIDINGS_CLUSTER_SECRET": secret,
            "TIDINGS_DISPATCH_EVENT_INTERVAL_SECONDS": "1",
            "TIDINGS_DISPATCH_LEASE_SECONDS": "2",
            "TIDINGS_SMTP_TIMEOUT_SECONDS": "0.5",
            "TIDINGS_WEBHOOK_TIMEOUT_SECONDS": "0.5",
            "TIDINGS_DISPATCH_ADDRESS": dispatch.internal_address,
            "TIDINGS_TRACKING_ADDRESS": tracking.internal_address,
            **{f"TIDINGS_{name.upper()}_ADDRESS": core.internal_address for name in others},
        }
        for process in (core, dispatch, tracking):
            process.environ = dict(environ)
            await process.start()
            stack.push_async_callback(process.kill)
        yield Apart(
            core=core,
            dispatch=dispatch,
            tracking=tracking,
            secret=secret,
            database_url=parts.database_url,
        )


async def tenant(apart: Apart, stack: AsyncExitStack) -> Api:
    key = await create_tenant(apart.core.internal_address, apart.secret)
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(apart.core.public_address))
    client = Api(channel, key)
    await client.seed()
    return client


async def send_batch(api: Api) -> list[str]:
    """Sends many to the inbox; returns the ids."""
    requests = [
        send_request(channels=[CHANNEL_IN_APP], request_id=str(uuid4())) for _ in range(BATCH)
    ]
    answer = await api.ingestion.SendNotifications(
        SendNotificationsRequest(entries=requests), metadata=api.metadata
    )
    return [result.accepted.notification_id for result in answer.results]


@pytest.fixture(scope="module")
async def told(apart: Apart) -> AsyncIterator[tuple[Api, Api, Reports]]:
    """A tenant whose deliveries have all ended, another for live traffic, and what the first one sees."""
    async with AsyncExitStack() as stack:
        api, live = await tenant(apart, stack), await tenant(apart, stack)
        items = []
        for _ in range(BATCHES):
            items += (await send_batch(api))[:50]
            mail = await api.send()
            await api.ingestion.CancelNotification(
                CancelNotificationRequest(notification_id=mail.notification_id),
                metadata=api.metadata,
            )

        async def ended() -> bool:
            left = await apart.ask(
                "SELECT (SELECT count(*) FROM dispatch.deliveries WHERE state < 5)"
                " + (SELECT count(*) FROM dispatch.event_outbox)"
            )
            return left == 0 and len((await apart.reports(api))[0]) >= BATCH * BATCHES

        await eventually(ended, within=60)
        await api.inbox.MarkRead(
            MarkReadRequest(recipient_id="alice", item_ids=items[:100]), metadata=api.metadata
        )

        async def read() -> Reports | None:
            found = await apart.reports(api)
            return found if sum(f.count for c in found[1] for f in c.facts) == 100 else None

        yield api, live, await eventually(read, within=30)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("victim", "moment"),
    [
        # With a page recorded and not committed; committed and the next not asked for; read and not answered.
        ("tracking", "tracking.rebuild_recorded"),
        ("tracking", "tracking.rebuild_committed"),
        ("dispatch", "dispatch.restated"),
    ],
)
async def test_killed_in_the_middle_it_goes_on_and_the_reports_are_the_same(
    apart: Apart, told: tuple[Api, Api, Reports], victim: str, moment: str
) -> None:
    api, live, before = told
    await apart.of(victim).stop()
    await apart.of(victim).start(failpoint=f"{moment}:3")
    begun = await apart.operate("rebuild", "--from-nothing", "--no-wait")
    assert begun["state"] == "REBUILD_STATE_RUNNING"
    await send_batch(live)
    assert await apart.of(victim).died(within=60)
    # Something is recorded, and something is missing: it died at work.
    state, recorded = await asyncio.gather(
        apart.ask("SELECT state FROM tracking.rebuild"),
        apart.ask("SELECT deliveries FROM tracking.rebuild"),
    )
    assert state == 1
    assert 0 < recorded < len(before[0])
    await apart.of(victim).start()
    await send_batch(live)
    ended = await apart.operate("rebuild")
    assert (ended["state"], ended["start_time"]) == ("REBUILD_STATE_DONE", begun["start_time"])
    assert await apart.reports(api) == before

    async def live_is_told() -> bool:
        listed, counts = await apart.reports(live)
        sent = await apart.ask(
            "SELECT count(*) FROM dispatch.deliveries WHERE state = 5"
            " GROUP BY tenant_id ORDER BY min(accept_time) DESC LIMIT 1"
        )
        total = sum(s.count for place in counts for s in place.states)
        return bool(len(listed) == total == sent and sent % BATCH == 0)

    assert await eventually(live_is_told, within=60)
    # What is known already is not counted twice.
    assert (await apart.operate("rebuild"))["state"] == "REBUILD_STATE_DONE"
    assert await apart.reports(api) == before
