from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from libs.errors import Overloaded
from services.inbox.domain.frames import ClosingReason
from services.inbox.domain.models import InboxKey
from services.inbox.domain.positions import Position
from services.inbox.usecases.hub import Hub, Stream

ALICE, BOB = InboxKey("acme", "alice"), InboxKey("acme", "bob")


def stream(
    stream_id: str = "1", *, key: InboxKey = ALICE, device_id: str = "", at: int | None = 5
) -> Stream:
    made = Stream(stream_id=stream_id, key=key, device_id=device_id)
    made.position = None if at is None else Position(epoch=7, sequence=at)
    return made


@pytest.mark.parametrize(
    ("at", "head", "woken"),
    [
        (5, Position(epoch=7, sequence=6), True),
        # A hint that comes late: the stream has read so far already.
        (5, Position(epoch=7, sequence=5), False),
        (5, Position(epoch=7, sequence=4), False),
        (5, Position(epoch=8, sequence=1), True),
        # Before its first read a stream cannot say that it knows.
        (None, Position(epoch=7, sequence=1), True),
        (5, None, True),
    ],
)
def test_only_streams_that_are_behind_are_woken(
    at: int | None, head: Position | None, woken: bool
) -> None:
    hub = Hub(most_streams=9)
    here, elsewhere = stream(at=at), stream(key=BOB)
    with hub.attached(here), hub.attached(elsewhere):
        hub.wake({ALICE: head, InboxKey("acme", "nobody"): head})
    assert here.take_wake() is woken
    assert not here.take_wake()
    assert not elsewhere.take_wake()


def test_a_device_has_one_stream() -> None:
    hub = Hub(most_streams=9)
    older, newer = stream("1", device_id="phone"), stream("2", device_id="phone")
    bystanders = [stream(), stream(device_id="laptop"), stream(key=BOB, device_id="phone")]
    with ExitStack() as stack:
        for one in (older, *bystanders, stream(), newer):
            stack.enter_context(hub.attached(one))
        assert older.closing is ClosingReason.SUPERSEDED
        assert [other.closing for other in (newer, *bystanders)] == [None] * 4


@pytest.mark.parametrize(("announced", "closed"), [("1", False), ("2", False), ("3", True)])
def test_only_a_newer_stream_elsewhere_supersedes(announced: str, closed: bool) -> None:
    hub = Hub(most_streams=9)
    mine = stream("2", device_id="phone")
    with hub.attached(mine):
        hub.supersede({(ALICE, "phone"): announced, (ALICE, "laptop"): "9", (BOB, "phone"): "9"})
    assert (mine.closing is ClosingReason.SUPERSEDED) is closed


def test_there_is_a_most_and_a_place_is_freed_once() -> None:
    hub = Hub(most_streams=1)
    first = stream()
    with hub.attached(first):
        with pytest.raises(Overloaded), hub.attached(stream()):
            pass
        # Given up by its writer, and then again when its handler ends.
        hub.detach(first)
        assert hub.count == 0
        assert hub.keys() == []
    with hub.attached(stream()):
        assert hub.count == 1


def test_the_first_reason_to_close_counts() -> None:
    hub = Hub(most_streams=9)
    open_one = stream()
    with hub.attached(open_one):
        hub.close_all(ClosingReason.SHUTDOWN)
        open_one.close(ClosingReason.SLOW_CONSUMER)
        assert open_one.closing is ClosingReason.SHUTDOWN
        late = stream()
        with hub.attached(late):
            assert late.closing is ClosingReason.SHUTDOWN


async def test_a_wake_before_the_pause_ends_it_at_once() -> None:
    waiting = stream()
    waiting.wake()
    async with asyncio.timeout(1):
        await waiting.pause(asyncio.get_running_loop().time() + 60)
    assert waiting.take_wake()


async def test_a_pause_ends_in_time_and_is_a_pause_again() -> None:
    waiting = stream()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(2):
        await waiting.pause(loop.time() + 0.02)
    assert loop.time() - began >= 0.04
