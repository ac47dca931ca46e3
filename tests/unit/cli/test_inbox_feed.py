"""The resuming subscription against a server that kills, repeats, resyncs, refuses and goes silent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from cli.inbox_feed import (
    After,
    AttemptFailed,
    Backoff,
    ChangeType,
    Connected,
    Disconnected,
    FeedClosed,
    FeedRefused,
    Heard,
    ItemChanged,
    Live,
    Newest,
    SnapshotApplied,
    Token,
    TokenUnavailable,
)
from tests.unit.cli.fake_inbox import (
    HOLD,
    Fail,
    FakeInbox,
    Frame,
    Tokens,
    added,
    closing,
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
    ClosingReason,
    InboxChange,
    InboxChanges,
    ResyncReason,
)

UNAVAILABLE = Fail(grpc.StatusCode.UNAVAILABLE, "gone")


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


async def test_a_silent_stream_is_opened_anew_after_three_heartbeats() -> None:
    inbox = FakeInbox(
        [opened("c0", heartbeat=0.05), HOLD], [opened("c0", resumed=True), heartbeat("c0"), HOLD]
    )
    async with feed_from(inbox, start=Live()) as (feed, _):
        _, lost, again = await take(feed, 3)
        assert isinstance(lost, Disconnected)
        assert "nothing was heard for 0.15 s" in lost.why
        assert isinstance(again, Connected)
        # The silent call does not live on.
        async with asyncio.timeout(5):
            assert await inbox.left.get() == 0


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    ],
)
async def test_comes_back_after_a_status_that_may_pass(code: grpc.StatusCode) -> None:
    inbox = FakeInbox(
        [opened("c0"), heartbeat("c1"), Fail(code, "passing")], [opened("c1", resumed=True), HOLD]
    )
    async with feed_from(inbox, start=Live()) as (feed, _):
        events = await take(feed, 4)
    assert isinstance(events[2], Disconnected)
    assert isinstance(events[3], Connected)
    assert inbox.requests[1].after_cursor == "c1"


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    ],
)
async def test_ends_when_asking_again_would_be_in_vain(code: grpc.StatusCode) -> None:
    inbox = FakeInbox([Fail(code, "no")])
    async with feed_from(inbox) as (feed, _):
        with pytest.raises(FeedRefused, match="no") as refusal:
            await take(feed, 1)
    assert refusal.value.error.code() is code
    assert len(inbox.requests) == 1


async def test_a_refused_token_is_replaced_once() -> None:
    tokens = Tokens()
    inbox = FakeInbox(
        [Fail(grpc.StatusCode.UNAUTHENTICATED, "expired")], [opened("c0"), heartbeat("c0"), HOLD]
    )
    async with feed_from(inbox, tokens=tokens) as (feed, _):
        failed, connected = await take(feed, 2)
    assert isinstance(failed, AttemptFailed)
    assert failed.retry_in == 0
    assert isinstance(connected, Connected)
    assert inbox.tokens == ["token-1", "token-2"]


async def test_a_fresh_token_that_is_refused_too_is_an_end() -> None:
    tokens = Tokens()
    inbox = FakeInbox([Fail(grpc.StatusCode.UNAUTHENTICATED, "unknown key")])
    async with feed_from(inbox, tokens=tokens) as (feed, _):
        with pytest.raises(FeedRefused, match="unknown key"):
            await take(feed, 2)
    assert tokens.given == 2


async def test_comes_back_with_a_fresh_token_when_the_old_one_expires() -> None:
    inbox = FakeInbox(
        [opened("c0"), closing(ClosingReason.CLOSING_REASON_CREDENTIALS_EXPIRED)],
        [opened("c0", resumed=True), HOLD],
    )
    async with feed_from(inbox, start=Live()) as (feed, _):
        events = await take(feed, 3)
    assert isinstance(events[1], Disconnected)
    assert "credentials expired" in events[1].why
    assert inbox.tokens == ["token-1", "token-2"]


async def test_a_token_is_kept_while_it_is_good_and_not_longer() -> None:
    given: list[str] = []
    lifetimes = [timedelta(hours=1), timedelta(seconds=1), timedelta(hours=1)]

    async def tokens() -> Token:
        given.append(f"token-{len(given) + 1}")
        expire_time = datetime.now(UTC) + lifetimes[len(given) - 1]
        return Token(value=given[-1], expire_time=expire_time)

    expired = closing(ClosingReason.CLOSING_REASON_CREDENTIALS_EXPIRED)
    inbox = FakeInbox(
        [opened("c0"), UNAVAILABLE],
        [opened("c0", resumed=True), expired],
        [opened("c0", resumed=True), UNAVAILABLE],
        [opened("c0", resumed=True), HOLD],
    )
    async with feed_from(inbox, start=Live(), tokens=tokens) as (feed, _):
        await take(feed, 7)
    # The second one is about to expire when the third stream is lost.
    assert inbox.tokens == ["token-1", "token-1", "token-2", "token-3"]


async def test_waits_for_a_token_that_cannot_be_had_just_now() -> None:
    answers: list[Exception | Token] = [TokenUnavailable("access is away"), Token(value="token")]

    async def tokens() -> Token:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    inbox = FakeInbox([opened("c0"), HOLD])
    async with feed_from(inbox, tokens=tokens) as (feed, _):
        failed, connected = await take(feed, 2)
    assert isinstance(failed, AttemptFailed)
    assert "access is away" in failed.why
    assert isinstance(connected, Connected)


async def test_a_token_source_may_end_the_subscription() -> None:
    async def tokens() -> Token:
        raise PermissionError("not yours")

    async with feed_from(FakeInbox([HOLD]), tokens=tokens) as (feed, _):
        with pytest.raises(PermissionError, match="not yours"):
            await take(feed, 1)


async def test_obeys_a_goodbye_for_good() -> None:
    farewell = closing(ClosingReason.CLOSING_REASON_SUPERSEDED, reconnect=False)
    inbox = FakeInbox([opened("c0"), farewell])
    async with feed_from(inbox) as (feed, _):
        with pytest.raises(FeedClosed) as closed:
            await take(feed, 2)
    assert closed.value.reason == ClosingReason.CLOSING_REASON_SUPERSEDED
    assert len(inbox.requests) == 1


async def test_spreads_its_return_over_the_time_that_a_goodbye_asks_for() -> None:
    # A backoff that would take for ever shows that it was not asked.
    inbox = FakeInbox(
        [opened("c0"), closing(ClosingReason.CLOSING_REASON_MAX_AGE, delay=0.05)],
        [opened("c0", resumed=True), HOLD],
    )
    forever = Backoff(quick=1e9, base=1e9, longest=1e9)
    async with feed_from(inbox, start=Live(), backoff=forever) as (feed, _):
        events = await take(feed, 3)
    assert isinstance(events[1], Disconnected)
    assert 0 <= events[1].retry_in <= 0.05
    assert isinstance(events[2], Connected)


async def test_goodbye_after_goodbye_does_not_become_a_storm() -> None:
    bounds: list[float] = []

    class Counting(Backoff):
        def wait(self, failures: int) -> float:
            bounds.append(self.bound(failures))
            return 0.0

    goodbye = closing(ClosingReason.CLOSING_REASON_SHUTDOWN, delay=0.001)
    inbox = FakeInbox([opened("c0"), goodbye])
    async with feed_from(inbox, start=Live(), backoff=Counting()) as (feed, _):
        await take(feed, 10)
    # Five goodbyes: the first two as asked, then the backoff has its say.
    assert bounds == [2.0, 4.0, 8.0]


async def test_waits_as_long_as_an_overloaded_server_asks() -> None:
    packed = AnyMessage()
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromTimedelta(timedelta(milliseconds=70))
    packed.Pack(retry)
    status = status_pb2.Status(code=8, details=[packed]).SerializeToString()
    overloaded = Fail(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", (("grpc-status-details-bin", status),)
    )
    async with feed_from(FakeInbox([overloaded], [opened("c0"), HOLD])) as (feed, _):
        failed, connected = await take(feed, 2)
    assert isinstance(failed, AttemptFailed)
    assert failed.retry_in == pytest.approx(0.07)
    assert isinstance(connected, Connected)


async def test_the_wait_grows_until_something_was_heard_again() -> None:
    waits: list[int] = []

    class Counting(Backoff):
        def wait(self, failures: int) -> float:
            waits.append(failures)
            return 0.0

    # An opened stream alone is no sign of health.
    inbox = FakeInbox(
        [UNAVAILABLE],
        [opened("c0"), UNAVAILABLE],
        [opened("c0", resumed=True), heartbeat("c0"), UNAVAILABLE],
        [opened("c0", resumed=True), HOLD],
    )
    async with feed_from(inbox, start=Live(), backoff=Counting()) as (feed, _):
        await take(feed, 7)
    assert waits == [1, 2, 1]


async def test_only_the_first_failure_after_a_stream_counts_as_its_loss() -> None:
    inbox = FakeInbox(
        [opened("c0"), UNAVAILABLE],
        [UNAVAILABLE],
        [UNAVAILABLE],
        [opened("c0", resumed=True), HOLD],
    )
    async with feed_from(inbox, start=Live()) as (feed, _):
        events = await take(feed, 5)
    assert [type(event) for event in events] == [
        Connected,
        Disconnected,
        AttemptFailed,
        AttemptFailed,
        Connected,
    ]


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


async def test_a_stream_that_does_not_begin_with_opened_is_given_up() -> None:
    inbox = FakeInbox([heartbeat("c0"), HOLD], [opened("c0"), HOLD])
    async with feed_from(inbox) as (feed, _):
        failed, connected = await take(feed, 2)
    assert isinstance(failed, AttemptFailed)
    assert isinstance(connected, Connected)


async def test_leaving_ends_the_call() -> None:
    inbox = FakeInbox([opened("c0"), HOLD])
    async with feed_from(inbox) as (feed, _):
        await take(feed, 1)
        await feed.events.aclose()
        async with asyncio.timeout(5):
            assert await inbox.left.get() == 0


@pytest.mark.parametrize(
    ("failures", "bound"),
    [
        (1, 0.25),
        (2, 1.0),
        (3, 2.0),
        (5, 8.0),
        (6, 10.0),  # 1 s · 2⁴ = 16 s, capped
        (100_000, 10.0),
    ],
)
def test_backoff_is_quick_first_then_doubles_up_to_ten_seconds(failures: int, bound: float) -> None:
    backoff = Backoff(draw=lambda: 0.5)
    assert backoff.bound(failures) == bound
    assert backoff.wait(failures) == bound / 2
