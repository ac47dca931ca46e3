from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.inbox.domain.models import Delivery, InboxKey
from services.inbox.store import deliveries as delivery_store
from services.inbox.store import items as item_store
from services.inbox.store.deliveries import DeliveryStore
from services.inbox.store.items import ItemStore
from tests.integration.hosting import Hosted
from tests.integration.inbox.clients import (
    TENANT,
    App,
    deliver,
    delivery,
    list_items,
    mark_read,
    open_events,
)
from tests.integration.inbox.recount import drifted


async def test_a_repeat_changes_nothing(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    batch = [delivery(alice), delivery(alice)]
    await deliver(inbox, batch)
    before = await list_items(inbox, alice)
    await deliver(inbox, batch)
    assert await list_items(inbox, alice) == before
    assert before.counts.total == 2
    assert await drifted(database) == []


async def test_a_newer_revision_replaces_and_is_unread_again(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    name = uuid4()
    await deliver(inbox, [delivery(alice, item_id=name), delivery(alice)])
    await mark_read(inbox, alice, [str(name)])
    app = App(alice).open(inbox)
    await app.next()
    await deliver(inbox, [delivery(alice, item_id=name, revision=3)])
    await app.until_has([str(name)])
    app.close()
    assert app.items[str(name)].title.endswith("revision 3")
    assert not app.items[str(name)].HasField("read_time")
    assert app.added == []
    assert (app.counts.unread, app.counts.total) == (2, 2)
    # It keeps its place: still the older of the two.
    assert (await list_items(inbox, alice)).items[1].item_id == str(name)
    assert await drifted(database) == []


async def test_an_older_revision_comes_too_late(inbox: Hosted, alice: str) -> None:
    name = uuid4()
    await deliver(inbox, [delivery(alice, item_id=name, revision=3)])
    await mark_read(inbox, alice, [str(name)])
    before = await list_items(inbox, alice)
    await deliver(inbox, [delivery(alice, item_id=name, revision=2)])
    assert await list_items(inbox, alice) == before


async def test_one_notification_twice_in_a_batch_is_one_item(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    name = uuid4()
    revisions = (1, 2, 2, 1)
    await deliver(inbox, [delivery(alice, item_id=name, revision=n) for n in revisions])
    listed = await list_items(inbox, alice)
    assert [item.title for item in listed.items] == [f"{name} in revision 2"]
    assert (listed.counts.unread, listed.counts.total) == (1, 1)
    assert await drifted(database) == []


async def test_a_batch_may_span_tenants(inbox: Hosted, alice: str) -> None:
    elsewhere = delivery(alice)
    elsewhere.tenant_id = "other"
    await deliver(inbox, [delivery(alice), elsewhere])
    assert (await list_items(inbox, alice)).counts.total == 1


@pytest.fixture
async def strict_pool(
    database_url: str, inbox: Hosted, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    """Connections whose deadlocks are not hidden by repeating, nor by small tables.

    These the planner happens to read in heap order; large ones it reads in the order of the arrays.
    """

    async def once(pool: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async with pool.acquire() as connection, connection.transaction():
            return await work(connection)

    monkeypatch.setattr(delivery_store, "in_transaction", once)
    monkeypatch.setattr(item_store, "in_transaction", once)
    plan = {"enable_hashjoin": "off", "enable_mergejoin": "off", "enable_seqscan": "off"}
    async with asyncpg.create_pool(
        database_url, min_size=8, max_size=8, server_settings=plan
    ) as pool:
        yield pool


async def test_overlapping_batches_in_any_order_cannot_deadlock(
    strict_pool: asyncpg.Pool[asyncpg.Record], database: asyncpg.Connection
) -> None:
    recipients = [f"overlap-{number}" for number in range(12)]
    items = {recipient: [uuid4() for _ in range(3)] for recipient in recipients}
    store = DeliveryStore(strict_pool)

    async def write() -> None:
        for revision in range(1, 26):
            await store.deliver(_shuffled(items, revision))

    await asyncio.gather(*(write() for _ in range(8)))
    assert await drifted(database) == []
    rows = await database.fetch(
        "SELECT total FROM inbox.heads WHERE recipient_id = ANY ($1)", recipients
    )
    assert [row["total"] for row in rows] == [3] * len(recipients)


async def test_those_who_note_what_was_written_cannot_deadlock_with_those_who_change_it(
    strict_pool: asyncpg.Pool[asyncpg.Record], alice: str, database: asyncpg.Connection
) -> None:
    deliveries = DeliveryStore(strict_pool)
    key = InboxKey(TENANT, alice)
    now = datetime.now(UTC)
    async with open_events(strict_pool) as events:
        items = ItemStore(strict_pool, events)
        for _ in range(15):
            names = [uuid4() for _ in range(40)]
            await deliveries.deliver(_shuffled({alice: names}, 1))
            orders = [random.sample(names, len(names)) for _ in range(2)]
            await asyncio.gather(
                deliveries.deliver(_shuffled({alice: names}, 2)),
                items.mark_read(key, random.sample(names, len(names))),
                *(
                    deliveries.record_stream_writes({(key, name): now for name in order})
                    for order in orders
                ),
            )
    assert alice not in await drifted(database)


def _shuffled(items: dict[str, list[UUID]], revision: int) -> list[Delivery]:
    batch = [
        Delivery(
            key=InboxKey(TENANT, recipient),
            item_id=name,
            revision=revision,
            category="a",
            content=b"",
            traceparent="",
        )
        for recipient, names in items.items()
        for name in names
    ]
    random.shuffle(batch)
    return batch
