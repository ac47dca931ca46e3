"""What is read is stated, once, in the transaction of the reading."""

from __future__ import annotations

from datetime import UTC
from uuid import UUID

import asyncpg
import grpc
import pytest

from libs.messaging.topology import TRACKING_QUEUE
from tests.integration.hosting import Hosted
from tests.integration.inbox.clients import TENANT, deliver, delivery, list_items, mark_read
from tests.support.consumers import Collector
from tests.support.eventually import eventually
from tidings.event.v1.event_batch_pb2 import EventBatch, ItemRead


def items_of(body: bytes) -> list[ItemRead]:
    batch = EventBatch.FromString(body)
    assert batch.format == 1
    (event,) = batch.events
    return list(event.items_read.items)


async def test_what_is_read_is_stated_once_and_the_row_goes_when_it_is_confirmed(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    ids = await deliver(inbox, [delivery(alice) for _ in range(3)])
    collector = Collector()
    async with inbox.broker.consume(TRACKING_QUEUE, collector, prefetch=4):
        first = await mark_read(inbox, alice, ids[:2])
        await mark_read(inbox, alice, ids[:2])
        await mark_read(inbox, alice, ids)

        async def confirmed() -> bool:
            return not await database.fetchval("SELECT count(*) FROM inbox.event_outbox")

        await eventually(confirmed)
    stated = [items_of(body) for body in collector.bodies]
    assert sorted(map(len, stated)) == [1, 2]
    items = [item for batch in stated for item in batch]
    assert {str(UUID(bytes=item.notification_id)) for item in items} == set(ids)
    assert {(item.tenant_id, item.recipient_id) for item in items} == {(TENANT, alice)}
    times = {item.item_id: item.read_time.ToDatetime(UTC) for item in first.items}
    for item in items:
        name = str(UUID(bytes=item.notification_id))
        assert name not in times or item.read_time.ToDatetime(UTC) == times[name]


async def test_what_cannot_be_stated_is_not_read(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    ids = await deliver(inbox, [delivery(alice)])
    await database.execute("ALTER TABLE inbox.event_outbox RENAME TO away")
    try:
        with pytest.raises(grpc.aio.AioRpcError):
            await mark_read(inbox, alice, ids)
    finally:
        await database.execute("ALTER TABLE inbox.away RENAME TO event_outbox")
    assert (await list_items(inbox, alice)).counts.unread == 1
