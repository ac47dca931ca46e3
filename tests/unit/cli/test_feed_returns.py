"""When the resuming subscription comes back, how long it waits, and when it gives up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from cli.inbox_feed import (
    AttemptFailed,
    Backoff,
    Connected,
    Disconnected,
    FeedClosed,
    FeedRefused,
    Live,
)
from tests.unit.cli.fake_inbox import (
    HOLD,
    UNAVAILABLE,
    Fail,
    FakeInbox,
    closing,
    feed_from,
    heartbeat,
    opened,
    take,
)
from tidings.inbox.v1.inbox_stream_service_pb2 import (
    ClosingReason,
)


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


async def test_a_stream_that_does_not_begin_with_opened_is_given_up() -> None:
    inbox = FakeInbox([heartbeat("c0"), HOLD], [opened("c0"), HOLD])
    async with feed_from(inbox) as (feed, _):
        failed, connected = await take(feed, 2)
    assert isinstance(failed, AttemptFailed)
    assert isinstance(connected, Connected)


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
