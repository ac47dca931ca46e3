from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import asyncpg
import grpc

from tests.integration.hosting import Hosted
from tests.integration.inbox.clients import (
    App,
    admitted,
    deliver,
    delivery,
    list_items,
    mark_read,
)
from tests.integration.inbox.conftest import HostInbox
from tests.integration.inbox.recount import drifted
from tidings.inbox.v1.inbox_stream_service_pb2 import CLOSING_REASON_SLOW_CONSUMER

_WRITERS = 8
_ITEMS_EACH = 50


async def test_devices_converge(inbox: Hosted, alice: str) -> None:
    ids = await deliver(inbox, [delivery(alice) for _ in range(3)])
    phone = App(alice).open(inbox, device_id="phone", snapshot=0)
    laptop = App(alice).open(inbox, device_id="laptop", snapshot=0)
    for app in (phone, laptop):
        await app.until_has(ids)
    marked = await mark_read(inbox, alice, ids[:2])
    for app in (phone, laptop):
        await app.until_unread(1)
        app.close()
    assert phone.items == laptop.items
    assert phone.counts == laptop.counts == marked.counts
    assert phone.added == laptop.added == []
    assert [phone.items[name].HasField("read_time") for name in ids] == [True, True, False]


async def test_nothing_is_missed_or_doubled_while_writers_write_and_the_client_comes_and_goes(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    """Each stream is left after a few frames, and the next one begins at its cursor."""
    app = App(alice).open(inbox)
    await app.next()

    async def write() -> list[str]:
        names: list[str] = []
        while len(names) < _ITEMS_EACH:
            size = min(random.randint(1, 4), _ITEMS_EACH - len(names))
            names += await deliver(inbox, [delivery(alice) for _ in range(size)])
        return names

    async def follow() -> int:
        streams = 1
        while len(app.items) < _WRITERS * _ITEMS_EACH:
            for _ in range(random.randint(1, 3)):
                await app.next()
                if len(app.items) == _WRITERS * _ITEMS_EACH:
                    break
            app.close()
            app.open(inbox)
            assert (await app.next()).opened.resumed
            streams += 1
        return streams

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write()) for _ in range(_WRITERS)]
        follower = group.create_task(follow())
    app.close()
    written = [name for writer in writers for name in writer.result()]
    assert follower.result() > 10
    # Nobody marks here, so each item has one change: ADDED, once, in order.
    assert sorted(app.added) == sorted(written)
    assert len(set(app.applied)) == len(app.applied) == _WRITERS * _ITEMS_EACH
    assert [sequence for _, sequence in app.applied] == list(range(1, 401))
    assert app.counts.total == 400
    assert await drifted(database) == []


async def test_a_client_that_follows_has_what_the_inbox_has(
    inbox: Hosted, alice: str, database: asyncpg.Connection
) -> None:
    """New items, new revisions and marks at once; the state converges and the counts never drift."""
    app = App(alice).open(inbox, snapshot=0)
    await app.until_cursor()

    async def write() -> None:
        for _ in range(10):
            batch = [delivery(alice) for _ in range(3)]
            ids = await deliver(inbox, batch)
            await mark_read(inbox, alice, ids[:2])
            batch[0].revision = 2
            await deliver(inbox, batch)

    async def reread() -> None:
        for _ in range(15):
            await app.next()
            app.close()
            app.open(inbox)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(write())
        group.create_task(reread())
    listed = await list_items(inbox, alice, size=200)
    assert listed.counts.total == 120
    assert listed.counts.unread == 80
    last = max(item.sequence for item in listed.items)
    await app.until(lambda: any(item.sequence == last for item in app.items.values()))
    app.close()
    assert sorted(app.items.values(), key=lambda item: item.item_id) == sorted(
        listed.items, key=lambda item: item.item_id
    )
    assert app.counts == listed.counts
    assert len(set(app.applied)) == len(app.applied)
    assert await drifted(database) == []


async def test_silence_is_kept_alive_by_heartbeats(host_inbox: HostInbox, alice: str) -> None:
    environ = {
        "TIDINGS_INBOX_MIN_HEARTBEAT_SECONDS": "0.1",
        "TIDINGS_INBOX_MAX_HEARTBEAT_SECONDS": "0.1",
    }
    async with host_inbox(environ=environ) as quick:
        app = App(alice).open(quick, heartbeat=timedelta(seconds=10))
        opened = await app.next()
        assert opened.opened.heartbeat_interval.ToTimedelta() == timedelta(seconds=0.1)
        began = asyncio.get_running_loop().time()
        beats = [await app.next() for _ in range(4)]
        took = asyncio.get_running_loop().time() - began
        app.close()
    assert [beat.WhichOneof("frame") for beat in beats] == ["heartbeat"] * 4
    assert {beat.cursor for beat in beats} == {opened.cursor}
    assert all(beat.heartbeat.HasField("server_time") for beat in beats)
    # Never more silence than granted, and jitter of a fifth below it.
    assert 0.3 < took < 1.0


async def test_one_that_does_not_read_holds_up_nobody(host_inbox: HostInbox, alice: str) -> None:
    environ = {"TIDINGS_INBOX_MAX_WRITE_SECONDS": "0.3", "TIDINGS_INBOX_MAX_STREAMS": "2"}
    # Without probing the client's window stays small, so that writes block soon.
    options = [("grpc.http2.bdp_probe", 0)]
    async with (
        host_inbox(environ=environ) as bounded,
        grpc.aio.insecure_channel(bounded.public_address, options=options) as channel,
    ):
        slow = App(alice).open(bounded, channel=channel)
        await slow.next()
        quick = App(alice).open(bounded)
        await quick.next()
        ids: list[str] = []
        while len(ids) < 8:
            ids += await deliver(bounded, [delivery(alice, body="x" * 250_000)])
            await quick.until_has(ids)
        # The slow one is forgotten, so there is room for another.
        third = await admitted(App(f"{alice}-3"), bounded)
        # When it reads again, it gets what was on its way and is told why no more comes.
        while not (frame := await slow.next()).HasField("closing"):
            pass
        assert frame.closing.reason == CLOSING_REASON_SLOW_CONSUMER
        assert await slow.ended() is grpc.StatusCode.OK
        assert set(slow.items) < set(ids)
        # It comes back with its cursor and has missed nothing.
        third.close()
        await admitted(slow, bounded)
        await slow.until_has(ids)
        assert sorted(slow.added) == sorted(ids)
        for app in (slow, quick):
            app.close()
