from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from libs.postgres.pool import open_pool
from services.inbox.domain.models import InboxKey
from services.inbox.store.deliveries import DeliveryStore
from tests.integration.hosting import Hosted
from tests.integration.inbox.clients import PATIENCE_S, TENANT, App, deliver, delivery, list_items
from tests.integration.inbox.conftest import HostInbox
from tidings.internal.inbox.v1.inbox_delivery_service_pb2 import ItemKey, ReadReceiptsRequest
from tidings.internal.inbox.v1.inbox_delivery_service_pb2_grpc import InboxDeliveryServiceStub


async def _receipts(hosted: Hosted, recipient_id: str, ids: list[str]) -> dict[str, datetime]:
    answer = await InboxDeliveryServiceStub(hosted.internal).ReadReceipts(
        ReadReceiptsRequest(
            tenant_id=TENANT,
            items=[
                ItemKey(recipient_id=recipient_id, notification_id=UUID(name).bytes) for name in ids
            ],
        )
    )
    return {
        str(UUID(bytes=receipt.notification_id)): receipt.stream_write_time.ToDatetime(UTC)
        for receipt in answer.receipts
    }


async def _receipts_of(
    hosted: Hosted, recipient_id: str, ids: list[str], *, count: int
) -> dict[str, datetime]:
    """Asks until there are so many: they are stored a moment after the write."""
    async with asyncio.timeout(PATIENCE_S):
        while len(found := await _receipts(hosted, recipient_id, ids)) < count:
            pass
        return found


async def test_the_first_write_to_a_stream_is_kept(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    began = datetime.now(UTC)
    ids = await deliver(inbox, [delivery(alice) for _ in range(2)])
    await list_items(inbox, alice)
    assert await _receipts(inbox, alice, ids) == {}
    app = App(alice).open(inbox, snapshot=1)
    await app.until(lambda: bool(app.items))
    first = await _receipts_of(inbox, alice, ids, count=1)
    assert list(first) == [ids[1]]
    assert began <= first[ids[1]] <= datetime.now(UTC)
    # Another stream later does not move it, and a receipt is no change of the feed.
    again = App(alice).open(inbox, snapshot=2)
    await again.until(lambda: len(again.items) == 2)
    both = await _receipts_of(inbox, alice, ids, count=2)
    assert both[ids[1]] == first[ids[1]]
    assert again.cursor == app.cursor
    for opened in (app, again):
        opened.close()


async def test_writes_of_the_last_moment_are_kept_at_shutdown(
    inbox: Hosted, host_inbox: HostInbox, alice: str
) -> None:
    environ = {"TIDINGS_INBOX_RECEIPT_INTERVAL_SECONDS": "3600"}
    async with host_inbox(environ=environ) as stopping:
        app = App(alice).open(stopping)
        await app.next()
        ids = await deliver(stopping, [delivery(alice)])
        await app.until(lambda: bool(app.items))
        assert await _receipts(inbox, alice, ids) == {}
        app.close()
    assert list(await _receipts(inbox, alice, ids)) == ids


async def test_unknown_items_have_no_receipt(inbox: Hosted, alice: str) -> None:
    assert await _receipts(inbox, alice, [str(uuid4())]) == {}


async def test_of_two_processes_the_first_write_counts(
    inbox: Hosted, alice: str, database_url: str
) -> None:
    ids = await deliver(inbox, [delivery(alice)])
    name = (InboxKey(TENANT, alice), UUID(ids[0]))
    first = datetime(2026, 1, 2, tzinfo=UTC)
    async with open_pool(database_url, application="test") as pool:
        store = DeliveryStore(pool)
        await store.record_stream_writes({name: first})
        await store.record_stream_writes({name: first + timedelta(seconds=1)})
    assert await _receipts(inbox, alice, ids) == {ids[0]: first}


async def test_each_item_keeps_its_own_time_in_whatever_order_they_were_written(
    inbox: Hosted, alice: str, database_url: str
) -> None:
    ids = sorted(await deliver(inbox, [delivery(alice) for _ in range(9)]), reverse=True)
    first = datetime(2026, 1, 2, tzinfo=UTC)
    times = {name: first + timedelta(seconds=second) for second, name in enumerate(ids)}
    async with open_pool(database_url, application="test") as pool:
        await DeliveryStore(pool).record_stream_writes(
            {(InboxKey(TENANT, alice), UUID(name)): time for name, time in times.items()}
        )
    assert await _receipts(inbox, alice, ids) == times
