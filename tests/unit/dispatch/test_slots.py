"""Who may call the provider."""

from __future__ import annotations

import asyncio

from services.dispatch.usecases.slots import Slots

NORMAL, CRITICAL = 2, 4


async def test_a_share_is_kept_for_critical_calls() -> None:
    slots = Slots(10)
    assert await slots.take(100, priority=NORMAL) == 8
    assert await slots.take(100, priority=CRITICAL) == 2


async def test_all_of_a_single_slot_is_for_everybody() -> None:
    slots = Slots(1)
    assert await slots.take(5, priority=NORMAL) == 1


async def test_who_waits_goes_when_slots_are_given_back_critical_first() -> None:
    slots = Slots(10)
    await slots.take(8, priority=NORMAL)
    await slots.take(2, priority=CRITICAL)
    order: list[str] = []

    async def wait(name: str, priority: int) -> None:
        taken = await slots.take(1, priority=priority)
        order.append(name)
        await slots.give(taken)

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("first", NORMAL))
        group.create_task(wait("second", NORMAL))
        group.create_task(wait("critical", CRITICAL))
        group.create_task(slots.give(10))
    assert order == ["critical", "first", "second"]


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    slots = Slots(2)
    assert await slots.take(1, priority=NORMAL) == 1
    leaving = asyncio.create_task(slots.take(1, priority=NORMAL))
    staying = asyncio.create_task(slots.take(1, priority=NORMAL))
    # Both have asked once this one, begun after them, has been answered.
    assert await asyncio.create_task(slots.take(1, priority=CRITICAL)) == 1
    leaving.cancel()
    await slots.give(2)
    assert await staying == 1


async def test_no_more_are_taken_than_there_are() -> None:
    slots = Slots(10)
    in_use = highest = 0

    async def call(priority: int) -> None:
        nonlocal in_use, highest
        taken = await slots.take(3, priority=priority)
        in_use += taken
        highest = max(highest, in_use)
        await asyncio.sleep(0)
        in_use -= taken
        await slots.give(taken)

    await asyncio.gather(*(call(CRITICAL if n % 5 == 0 else NORMAL) for n in range(200)))
    assert highest == 10
    assert await slots.take(100, priority=CRITICAL) == 10
