"""How much a lane takes in hand."""

from __future__ import annotations

import asyncio

from services.dispatch.usecases.room import Room

HORIZON = 10.0


class Seconds:
    """A monotonic clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def deliver(room: Room, seconds: Seconds, count: int, *, within: float) -> None:
    with room.measure(count):
        seconds.now += within


def room_of(most: int) -> tuple[Room, Seconds]:
    seconds = Seconds()
    return Room(most=most, horizon=HORIZON, monotonic=seconds), seconds


async def ready(task: asyncio.Task[None]) -> bool:
    for _ in range(10):
        await asyncio.sleep(0)
    return task.done()


def test_it_begins_small_and_grows_up_to_the_most() -> None:
    room, seconds = room_of(400)
    limits = []
    for _ in range(8):
        limits.append(room.limit)
        deliver(room, seconds, room.limit, within=0.01)
    assert limits[:3] == [10, 19, 38]
    assert room.limit == 400


def test_it_holds_what_leaves_within_the_horizon() -> None:
    room, seconds = room_of(400)
    for _ in range(40):
        deliver(room, seconds, 20, within=4)
    # Five a second, for ten seconds, and the few that are always let in.
    assert 55 <= room.limit <= 65


def test_it_shrinks_when_the_provider_slows_down_in_the_middle_of_a_batch() -> None:
    room, seconds = room_of(400)
    while room.limit < 400:
        deliver(room, seconds, room.limit, within=0.01)
    deliver(room, seconds, 200, within=100)
    assert room.limit <= 35


def test_idle_time_is_no_slowness() -> None:
    room, seconds = room_of(400)
    while room.limit < 400:
        deliver(room, seconds, room.limit, within=0.01)
    seconds.now += 3600
    deliver(room, seconds, 1, within=0.01)
    assert room.limit >= 399


def test_batches_side_by_side_are_counted_in_the_same_time() -> None:
    room, seconds = room_of(400)
    for _ in range(40):
        with room.measure(10), room.measure(10):
            seconds.now += 4
    assert 55 <= room.limit <= 65


async def test_messages_are_let_in_in_their_order_while_there_is_any_room() -> None:
    room, _ = room_of(400)
    await room.take(9)
    await room.take(200)
    large = asyncio.create_task(room.take(200))
    small = asyncio.create_task(room.take(1))
    assert not await ready(large)
    assert not await ready(small)
    await room.give(from_messages=200)
    assert await ready(large)
    assert not await ready(small)
    await room.give(from_messages=200)
    assert await ready(small)


async def test_there_is_never_more_in_hand_than_the_most() -> None:
    room, seconds = room_of(40)
    deliver(room, seconds, 100, within=0.01)
    await room.take(30)
    message = asyncio.create_task(room.take(11))
    # It would fit, but not before its turn.
    small = asyncio.create_task(room.take(1))
    assert not await ready(message)
    assert not await ready(small)
    await room.give(from_messages=2)
    assert await ready(message)
    assert await ready(small)
    # But for a single message that is larger.
    await room.give(from_messages=40)
    await room.take(41)


async def test_what_is_due_again_gets_in_while_messages_wait_and_holds_none_up() -> None:
    room, _ = room_of(400)
    await room.take(10)
    message = asyncio.create_task(room.take(10))
    assert not await ready(message)
    assert room.take_due(100) == 2
    assert room.take_due(100) == 0
    await room.give(from_messages=10)
    assert await ready(message)


async def test_without_messages_all_of_it_is_for_what_is_due_again() -> None:
    room, _ = room_of(400)
    assert room.take_due(100) == 10
    # Of which messages take over what lies beyond its share.
    await room.take(2)
    message = asyncio.create_task(room.take(1))
    assert not await ready(message)
    await room.give(due_again=1)
    assert await ready(message)


async def test_what_was_given_back_goes_before_messages() -> None:
    room, _ = room_of(400)
    room.owe()
    message = asyncio.create_task(room.take(1))
    assert not await ready(message)
    assert room.take_due(100) == 10
    await room.give(due_again=10)
    assert not await ready(message)
    assert room.take_due(100) == 10
    await room.none_due()
    assert await ready(message)
