from __future__ import annotations

from uuid import uuid4

import asyncpg
import grpc
import pytest

from tests.integration.hosting import Hosted, api_key, recipient_token
from tests.integration.inbox.clients import (
    TENANT,
    App,
    deliver,
    delivery,
    list_items,
    mark_read,
)
from tidings.inbox.v1 import inbox_stream_service_pb2 as pb


async def test_live_says_only_what_is_new(inbox: Hosted, alice: str) -> None:
    await deliver(inbox, [delivery(alice)])
    app = App(alice).open(inbox)
    opened = await app.next()
    assert opened.opened.counts.total == 1
    assert opened.cursor
    (new,) = await deliver(inbox, [delivery(alice)])
    await app.until(lambda: bool(app.items))
    app.close()
    assert list(app.items) == [new]
    assert app.added == [new]
    assert (app.counts.unread, app.counts.total) == (2, 2)


async def test_the_first_item_of_all_reaches_an_empty_inbox(inbox: Hosted, alice: str) -> None:
    app = App(alice).open(inbox)
    await app.next()
    app.close()
    (first,) = await deliver(inbox, [delivery(alice)])
    app.open(inbox)
    assert (await app.next()).opened.resumed
    await app.until(lambda: bool(app.items))
    app.close()
    assert app.added == [first]


async def test_a_snapshot_is_the_newest_items_in_parts(inbox: Hosted, alice: str) -> None:
    ids = await deliver(inbox, [delivery(alice) for _ in range(230)])
    await mark_read(inbox, alice, ids[:5])
    app = App(alice).open(inbox, snapshot=220)
    opened = await app.next()
    assert not opened.cursor
    frames = [await app.next() for _ in range(3)]
    app.close()
    assert [len(frame.snapshot.items) for frame in frames] == [100, 100, 20]
    assert [bool(frame.cursor) for frame in frames] == [False, False, True]
    assert [frame.snapshot.complete for frame in frames] == [False, False, True]
    assert [frame.snapshot.HasField("counts") for frame in frames] == [False, False, True]
    assert [item.item_id for frame in frames for item in frame.snapshot.items] == ids[:9:-1]
    assert (app.counts.unread, app.counts.total) == (225, 230)


async def test_a_snapshot_ends_exactly_with_the_last_item(inbox: Hosted, alice: str) -> None:
    await deliver(inbox, [delivery(alice) for _ in range(100)])
    app = App(alice).open(inbox, snapshot=200)
    await app.next()
    only = await app.next()
    app.close()
    assert only.snapshot.complete
    assert len(only.snapshot.items) == 100


async def test_frames_of_large_items_stay_small(inbox: Hosted, alice: str) -> None:
    ids = await deliver(inbox, [delivery(alice, body="x" * 100_000) for _ in range(7)])
    app = App(alice).open(inbox, snapshot=100)
    await app.next()
    sizes = []
    while not app.cursor:
        sizes.append((await app.next()).ByteSize())
    app.close()
    assert set(app.items) == set(ids)
    assert len(sizes) == 3
    assert max(sizes) < 512 * 1024


async def test_resuming_replays_what_was_missed(inbox: Hosted, alice: str) -> None:
    old = await deliver(inbox, [delivery(alice) for _ in range(3)])
    app = App(alice).open(inbox, snapshot=0)
    await app.until_cursor()
    app.close()
    new = await deliver(inbox, [delivery(alice) for _ in range(250)])
    await mark_read(inbox, alice, old[:1])
    app.open(inbox)
    opened = await app.next()
    assert opened.opened.resumed
    frames = [await app.next() for _ in range(3)]
    app.close()
    # One change set in three frames: only the last one is a place to resume from.
    assert [len(frame.changes.changes) for frame in frames] == [100, 100, 51]
    assert [bool(frame.cursor) for frame in frames] == [False, False, True]
    assert [frame.changes.HasField("counts") for frame in frames] == [False, False, True]
    assert app.added == new
    assert app.items[old[0]].HasField("read_time")
    sequences = [c.item.sequence for frame in frames for c in frame.changes.changes]
    assert sequences == sorted(sequences)
    assert (app.counts.unread, app.counts.total) == (252, 253)


@pytest.mark.parametrize("whose", ["garbage", "another recipient's", "a tampered"])
async def test_a_foreign_cursor_is_refused(inbox: Hosted, alice: str, whose: str) -> None:
    other = App(f"{alice}-2").open(inbox)
    mine = App(alice).open(inbox)
    for app in (other, mine):
        await app.next()
        app.close()
    cursor = {
        "garbage": "AAAA",
        "another recipient's": other.cursor,
        "a tampered": "B" + mine.cursor[1:],
    }[whose]
    app = App(alice, cursor=cursor).open(inbox)
    assert app.call is not None
    with pytest.raises(grpc.aio.AioRpcError, match="after_cursor") as refused:
        await app.call.read()
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ("UPDATE inbox.heads SET floor = 2 WHERE recipient_id = $1", "CURSOR_EXPIRED"),
        ("UPDATE inbox.heads SET epoch = epoch + 1 WHERE recipient_id = $1", "EPOCH_CHANGED"),
        # As a restored backup would: the cursor is from a future that was lost.
        ("UPDATE inbox.heads SET sequence = 0 WHERE recipient_id = $1", "EPOCH_CHANGED"),
    ],
)
async def test_a_cursor_that_cannot_be_honoured_means_a_snapshot(
    inbox: Hosted, alice: str, database: asyncpg.Connection, history: str, reason: str
) -> None:
    (first,) = await deliver(inbox, [delivery(alice)])
    app = App(alice).open(inbox, snapshot=0)
    await app.until_cursor()
    app.close()
    if "sequence = 0" not in history:
        await deliver(inbox, [delivery(alice), delivery(alice)])
    await database.execute(history, alice)
    app.open(inbox)
    opened = await app.next()
    assert not opened.opened.resumed
    assert not opened.cursor
    resync = await app.next()
    assert resync.resync_required.reason == pb.ResyncReason.Value(f"RESYNC_REASON_{reason}")
    assert app.items == {}
    snapshot = await app.next()
    app.close()
    assert snapshot.snapshot.complete
    assert first in app.items


async def test_a_history_that_ends_under_an_open_stream_means_a_snapshot(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    await deliver(inbox, [delivery(alice)])
    app = App(alice).open(inbox, snapshot=0)
    await app.until_cursor()
    await database.execute("DELETE FROM inbox.items WHERE recipient_id = $1", alice)
    await database.execute("DELETE FROM inbox.heads WHERE recipient_id = $1", alice)
    (new,) = await deliver(inbox, [delivery(alice)])
    resync = await app.next()
    assert resync.resync_required.reason == pb.RESYNC_REASON_EPOCH_CHANGED
    await app.until(lambda: bool(app.items))
    app.close()
    assert list(app.items) == [new]


async def test_a_token_opens_its_own_inbox_only(inbox: Hosted, alice: str) -> None:
    stub_app = App(alice)
    stub_app.open(inbox, metadata=recipient_token(TENANT, alice))
    assert (await stub_app.next()).HasField("opened")
    stub_app.close()
    nobody = App("").open(inbox, metadata=api_key(TENANT))
    assert nobody.call is not None
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await nobody.call.read()
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_listing_goes_on_where_it_was(inbox: Hosted, alice: str) -> None:
    ids = await deliver(inbox, [delivery(alice, item_id=uuid4()) for _ in range(7)])
    await mark_read(inbox, alice, ids[::2])
    first = await list_items(inbox, alice, size=2, unread_only=True)
    # What comes between two pages does not shift them.
    await deliver(inbox, [delivery(alice)])
    second = await list_items(inbox, alice, size=2, unread_only=True, token=first.next_page_token)
    listed = [item.item_id for page in (first, second) for item in page.items]
    assert listed == [ids[5], ids[3], ids[1]]
    assert not second.next_page_token
    assert (second.counts.unread, second.counts.total) == (4, 8)


async def test_a_page_token_is_for_its_own_list(inbox: Hosted, alice: str) -> None:
    await deliver(inbox, [delivery(alice) for _ in range(3)])
    page = await list_items(inbox, alice, size=2)
    for recipient, unread_only in ((alice, True), (f"{alice}-2", False)):
        with pytest.raises(grpc.aio.AioRpcError, match="page_token") as refused:
            await list_items(inbox, recipient, token=page.next_page_token, unread_only=unread_only)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_marking_unknown_items_passes_over_them(inbox: Hosted, alice: str) -> None:
    assert not (await mark_read(inbox, alice, [str(uuid4())])).items
    (known,) = await deliver(inbox, [delivery(alice)])
    first = await mark_read(inbox, alice, [known, str(uuid4())])
    again = await mark_read(inbox, alice, [known])
    assert [item.item_id for item in first.items] == [known]
    assert again == first
    assert (again.counts.unread, again.counts.total) == (0, 1)
