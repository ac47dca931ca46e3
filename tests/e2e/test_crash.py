"""kill -9 of the whole server, with its database, at moments when work is in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.embedded.passwords import password
from libs.embedded.ports import remembered_port
from libs.embedded.postgres import DATABASE, USER
from libs.embedded.smtp_sink import MailKeeper, open_smtp_sink
from tests.support.api import Api, create_tenant
from tests.support.eventually import eventually
from tests.support.server import ServerProcess
from tidings.dispatch.v1.delivery_pb2 import ATTEMPT_OUTCOME_UNKNOWN, Delivery, DeliveryState
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationResponse

NOTIFICATIONS = 500
KILLS = 5
RESTARTS = 3
CONCURRENCY = 20
RETRYABLE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
IN_FLIGHT = """
SELECT (SELECT count(*) FROM ingestion.notifications WHERE state = 1) AS unplanned,
       (SELECT coalesce(sum(delivery_count), 0) FROM ingestion.outbox) AS unclaimed,
       -- In the hands of the living: what an earlier kill left behind does not count.
       count(*) FILTER (WHERE state = 2) AS claimed,
       count(*) FILTER (WHERE state = 3) AS sending
FROM dispatch.deliveries
JOIN dispatch.incarnations ON incarnation_id = claim_owner
"""
ENDS = {
    DeliveryState.DELIVERY_STATE_SENT,
    DeliveryState.DELIVERY_STATE_FAILED,
    DeliveryState.DELIVERY_STATE_UNKNOWN,
    DeliveryState.DELIVERY_STATE_EXPIRED,
}


class SlowKeeper(MailKeeper):
    """Takes its time, so that mails are being sent when the server dies."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(self.pause)
        return answer

    pause = 0.03


@pytest.fixture
async def mails(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    folder = tmp_path / "mails"
    async with open_smtp_sink(folder, keeper=SlowKeeper(folder)) as sink:
        yield sink.url, folder


@pytest.fixture
async def server(tmp_path: Path, mails: tuple[str, Path]) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(
        tmp_path / "data",
        {"TIDINGS_SMTP_URL": mails[0], "TIDINGS_DISPATCH_RETRY_BASE_SECONDS": "0.2"},
    )
    await process.start()
    yield process
    await process.stop()


async def send_until_accepted(api: Api, number: int) -> SendNotificationResponse:
    while True:
        try:
            return await api.send(variables={"order": number}, request_id=f"order-{number}")
        except grpc.aio.AioRpcError as error:
            if error.code() not in RETRYABLE:
                raise
            # The channel itself waits until the server is back.


async def in_flight(directory: Path) -> dict[str, int]:
    folder = directory / "postgres"
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=remembered_port(folder / "port"),
        user=USER,
        password=password(folder),
        database=DATABASE,
        ssl=False,
    )
    try:
        row = await eventually(lambda: _sending(connection))
    finally:
        await connection.close()
    return dict(row)


async def _sending(connection: asyncpg.Connection[asyncpg.Record]) -> asyncpg.Record | None:
    row = await connection.fetchrow(IN_FLIGHT)
    return row if row is not None and row["sending"] else None


@asynccontextmanager
async def sending_to(
    server: ServerProcess,
) -> AsyncIterator[tuple[Api, Callable[[int], Coroutine[Any, Any, SendNotificationResponse]]]]:
    """Gives a seeded client that soon finds a server again, and what sends with it, some at a time."""
    key = await create_tenant(server.internal_address, server.cluster_secret)
    options = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50)]
    async with grpc.aio.insecure_channel(server.public_address, options=options) as channel:
        api = Api(channel, key)
        await api.seed()
        slots = asyncio.Semaphore(CONCURRENCY)

        async def send(number: int) -> SendNotificationResponse:
            async with slots:
                return await send_until_accepted(api, number)

        yield api, send


@pytest.mark.timeout(180)
async def test_nothing_is_lost_or_doubled_when_the_server_dies(
    server: ServerProcess, mails: tuple[str, Path]
) -> None:
    async with sending_to(server) as (api, send):
        # A part of the work for each life of the server, so that every kill hits some.
        share = NOTIFICATIONS // (KILLS + 1) + 1
        tasks: list[asyncio.Task[SendNotificationResponse]] = []
        async with asyncio.TaskGroup() as group:
            for life in range(KILLS + 1):
                numbers = range(life * share, min((life + 1) * share, NOTIFICATIONS))
                tasks += [group.create_task(send(number)) for number in numbers]
                if life < KILLS:
                    counts = await in_flight(server.directory)
                    await server.kill()
                    print(f"kill {life + 1}: in flight {counts}")  # noqa: T201 - the evidence
                    assert counts["sending"] > 0
                    await server.start()
        accepted = [task.result() for task in tasks]
        ids = {answer.notification_id for answer in accepted}
        assert len(ids) == NOTIFICATIONS

        await check_feed(api, ids)
        await check_mails(api, ids, mails[1])


@pytest.mark.timeout(180)
async def test_a_rolling_restart_loses_and_doubles_nothing(
    server: ServerProcess, mails: tuple[str, Path]
) -> None:
    async with sending_to(server) as (api, send):
        tasks: list[asyncio.Task[SendNotificationResponse]] = []
        async with asyncio.TaskGroup() as group:
            for life in range(RESTARTS + 1):
                numbers = range(life * NOTIFICATIONS, (life + 1) * NOTIFICATIONS, RESTARTS + 1)
                tasks += [group.create_task(send(number)) for number in numbers]
                if life < RESTARTS:
                    counts = await in_flight(server.directory)
                    assert await server.stop() == 0
                    print(f"restart {life + 1}: in flight {counts}")  # noqa: T201 - the evidence
                    await server.start()
        ids = {task.result().notification_id for task in tasks}
        assert len(ids) == NOTIFICATIONS
        await check_feed(api, ids)
        # What was being sent was let finish, so nothing is in doubt.
        assert await check_mails(api, ids, mails[1]) == 0


async def check_feed(api: Api, ids: set[str]) -> None:
    async def complete() -> Counter[str] | None:
        found = Counter[str]()
        token = ""
        while True:
            page = await api.inbox.ListInboxItems(
                ListInboxItemsRequest(recipient_id="alice", page_size=200, page_token=token),
                metadata=api.metadata,
            )
            found.update(item.item_id for item in page.items)
            token = page.next_page_token
            if not token:
                return found if len(found) >= NOTIFICATIONS else None

    feed = await eventually(complete, within=60)
    assert set(feed) == ids
    assert set(feed.values()) == {1}


async def check_mails(api: Api, ids: set[str], folder: Path) -> int:
    """Returns how many deliveries were in doubt at some time; only those may be doubled."""
    allowed: set[str] = set()
    deliveries: set[str] = set()
    for notification_id in sorted(ids):
        delivery = await eventually(lambda n=notification_id: _ended(api, n), within=60)  # type: ignore[misc]
        deliveries.add(delivery.delivery_id)
        if any(attempt.outcome == ATTEMPT_OUTCOME_UNKNOWN for attempt in delivery.attempts):
            allowed.add(delivery.delivery_id)
    kept = Counter(
        message_from_bytes(path.read_bytes())["X-Tidings-Delivery"] for path in folder.glob("*.eml")
    )
    doubled = {delivery for delivery, count in kept.items() if count > 1}
    print(f"mails {kept.total()}, doubled {len(doubled)}, being sent at a kill {len(allowed)}")  # noqa: T201 - the evidence
    assert set(kept) == deliveries
    assert doubled <= allowed
    return len(allowed)


async def _ended(api: Api, notification_id: str) -> Delivery | None:
    notification = await api.get(notification_id)
    mails = [d for d in notification.deliveries if d.endpoint == "alice@example.com"]
    return mails[0] if mails and mails[0].state in ENDS else None
