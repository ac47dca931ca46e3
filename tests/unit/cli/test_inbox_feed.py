"""What the resuming subscription gives of a stream that breaks, repeats and resyncs."""

from __future__ import annotations

import asyncio

from cli.inbox_feed import (
    After,
    AttemptFailed,
    ChangeType,
    Connected,
    Disconnected,
    Heard,
    ItemChanged,
    Live,
    Newest,
    SnapshotApplied,
)
from tests.unit.cli.fake_inbox import (
    HOLD,
    UNAVAILABLE,
    FakeInbox,
    Frame,
    added,
    feed_from,
    heartbeat,
    item,
    opened,
    resync,
    snapshot,
    take,
    updated,
)
from tidings.inbox.v1.inbox_stream_service_pb2 import (
    InboxChange,
    InboxChanges,
    ResyncReason,
)


async def test_begins_with_the_newest_items_and_goes_on_live() -> None:
    inbox = FakeInbox(
        [
            opened(unread=1),
            snapshot("", item("b", 2), complete=False),
            snapshot("c2", item("a", 1)),
            added("c3", item("c", 3)),
            heartbeat("c3"),
            HOLD,
        ]
    )
    async with feed_from(inbox, start=Newest(50)) as (feed, _):
        connected, first, change, heard = await take(feed, 4)
    assert isinstance(connected, Connected)
    assert not connected.again
    assert connected.resumed is None
    assert connected.counts.unread == 1
    assert isinstance(first, SnapshotApplied)
    assert [each.item_id for each in first.items] == ["b", "a"]
    assert first.unseen == first.items
    assert first.counts.total == 1
    assert isinstance(change, ItemChanged)
    assert (change.type, change.item.item_id, change.cursor) == (ChangeType.ADDED, "c", "c3")
    assert isinstance(heard, Heard)
    assert inbox.requests[0].snapshot.max_items == 50
    assert inbox.requests[0].device_id == "device"
    assert inbox.tokens == ["token-1"]


async def test_comes_back_after_the_last_applied_cursor_when_the_server_is_killed() -> None:
    inbox = FakeInbox(
        [opened("c0"), added("c1", item("a", 1)), HOLD],
        [opened("c1", resumed=True), added("c2", item("b", 2)), HOLD],
    )
    async with feed_from(inbox, start=Live()) as (feed, listener):
        await take(feed, 2)
        await listener.kill()
        (lost,) = await take(feed, 1)
        assert isinstance(lost, Disconnected)
        await listener.start()
        # While it was away, attempts may have failed.
        event = (await take(feed, 1))[0]
        while isinstance(event, AttemptFailed):
            event = (await take(feed, 1))[0]
        assert isinstance(event, Connected)
        assert event.again
        assert event.resumed is True
        (change,) = await take(feed, 1)
    assert isinstance(change, ItemChanged)
    assert change.item.item_id == "b"
    assert inbox.requests[0].HasField("live")
    assert inbox.requests[-1].after_cursor == "c1"


async def test_a_change_set_that_broke_off_is_read_again_and_each_change_given_once() -> None:
    inbox = FakeInbox(
        # The first frame completes no position.
        [opened("c0"), added("", item("a", 1)), UNAVAILABLE],
        [opened("c0", resumed=True), added("c2", item("a", 1), item("b", 2)), HOLD],
    )
    async with feed_from(inbox, start=Live()) as (feed, _):
        events = await take(feed, 5)
    assert [type(event) for event in events] == [
        Connected,
        ItemChanged,
        Disconnected,
        Connected,
        ItemChanged,
    ]
    names = [event.item.item_id for event in events if isinstance(event, ItemChanged)]
    assert names == ["a", "b"]
    assert inbox.requests[1].after_cursor == "c0"


async def test_drops_repeats_and_changes_that_are_older_than_what_was_given() -> None:
    inbox = FakeInbox(
        [
            opened(),
            snapshot("c5", item("a", 5)),
            added("c5", item("a", 5)),
            updated("c5", item("a", 4)),
            updated("c6", item("a", 6)),
            HOLD,
        ]
    )
    async with feed_from(inbox) as (feed, _):
        events = await take(feed, 3)
        # What was dropped moved the cursor all the same, but nothing else.
        assert feed.cursor == "c5"
    assert isinstance(events[2], ItemChanged)
    assert (events[2].type, events[2].item.sequence) == (ChangeType.UPDATED, 6)


async def test_a_frame_whose_changes_are_all_repeats_still_moves_the_cursor() -> None:
    inbox = FakeInbox(
        [opened("c0"), added("c1", item("a", 1)), added("c2", item("a", 1)), heartbeat("c2"), HOLD]
    )
    async with feed_from(inbox, start=Live()) as (feed, _):
        await take(feed, 3)
        assert feed.cursor == "c2"


async def test_counts_and_cursor_come_with_the_last_change_of_a_frame() -> None:
    inbox = FakeInbox([opened("c0"), added("c2", item("a", 1), item("b", 2)), HOLD])
    async with feed_from(inbox, start=Live()) as (feed, _):
        _, first, last = await take(feed, 3)
    assert isinstance(first, ItemChanged)
    assert isinstance(last, ItemChanged)
    assert (first.cursor, first.counts) == ("", None)
    assert last.cursor == "c2"
    assert last.counts is not None
    assert last.counts.unread == 2


async def test_the_cursor_moves_only_when_the_next_event_is_asked_for() -> None:
    """Whoever dies while applying an event must get it again."""
    inbox = FakeInbox([opened("c0"), added("c1", item("a", 1)), heartbeat("c2"), HOLD])
    async with feed_from(inbox, start=Live()) as (feed, _):
        await take(feed, 2)
        assert feed.cursor == "c0"
        await take(feed, 1)
        assert feed.cursor == "c1"


async def test_resumes_after_a_cursor_of_an_earlier_process() -> None:
    inbox = FakeInbox([opened("old", resumed=True), added("c9", item("a", 9)), HOLD])
    async with feed_from(inbox, start=After("old")) as (feed, _):
        connected, change = await take(feed, 2)
    assert isinstance(connected, Connected)
    assert connected.resumed is True
    assert not connected.again
    assert isinstance(change, ItemChanged)
    assert inbox.requests[0].after_cursor == "old"


async def test_a_resync_replaces_the_state_and_shows_nothing_twice() -> None:
    inbox = FakeInbox(
        [opened(), snapshot("c2", item("b", 2), item("a", 1)), UNAVAILABLE],
        [
            opened(),
            resync(ResyncReason.RESYNC_REASON_EPOCH_CHANGED),
            # Sequences begin anew: `a` has another one, lower than before.
            snapshot("e1", item("c", 3), item("b", 2), item("a", 0)),
            updated("e4", item("b", 1)),
            updated("e5", item("b", 4)),
            HOLD,
        ],
    )
    async with feed_from(inbox) as (feed, _):
        events = await take(feed, 6)
    again, resynced, change = events[3:]
    assert isinstance(again, Connected)
    assert again.resumed is False
    assert isinstance(resynced, SnapshotApplied)
    assert resynced.resync == ResyncReason.RESYNC_REASON_EPOCH_CHANGED
    assert [each.item_id for each in resynced.items] == ["c", "b", "a"]
    assert [each.item_id for each in resynced.unseen] == ["c", "a"]
    assert isinstance(change, ItemChanged)
    assert change.item.sequence == 4
    assert inbox.requests[1].after_cursor == "c2"


async def test_a_snapshot_that_broke_off_is_asked_for_again() -> None:
    inbox = FakeInbox(
        [opened(), snapshot("", item("b", 2), complete=False), UNAVAILABLE],
        [opened(), snapshot("c2", item("b", 2), item("a", 1)), HOLD],
    )
    async with feed_from(inbox) as (feed, _):
        events = await take(feed, 4)
    assert isinstance(events[3], SnapshotApplied)
    assert [each.item_id for each in events[3].items] == ["b", "a"]
    assert inbox.requests[1].HasField("snapshot")


async def test_passes_over_frames_and_changes_that_it_does_not_know() -> None:
    unknown_change = InboxChange(item=item("a", 1))
    unknown_change.type = 99  # type: ignore[assignment]
    inbox = FakeInbox(
        [
            opened("c0"),
            Frame(cursor="c1"),
            Frame(cursor="c2", changes=InboxChanges(changes=[unknown_change])),
            heartbeat("c3"),
            HOLD,
        ]
    )
    async with feed_from(inbox, start=Live()) as (feed, _):
        _, heard = await take(feed, 2)
        assert isinstance(heard, Heard)
        assert feed.cursor == "c2"


async def test_leaving_ends_the_call() -> None:
    inbox = FakeInbox([opened("c0"), HOLD])
    async with feed_from(inbox) as (feed, _):
        await take(feed, 1)
        await feed.events.aclose()
        async with asyncio.timeout(5):
            assert await inbox.left.get() == 0
