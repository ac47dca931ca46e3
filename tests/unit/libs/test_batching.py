"""Batches form under load, fail apart, and outlive their callers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from libs.batching import Batcher
from libs.errors import Overloaded


async def test_calls_that_arrive_together_go_together() -> None:
    seen: list[list[int]] = []

    async def flush(items: Sequence[int]) -> list[int]:
        seen.append(list(items))
        return [item * 2 for item in items]

    async with Batcher(flush, max_items=3) as batcher:
        answers = await asyncio.gather(*(batcher.submit(item) for item in range(5)))
    assert answers == [0, 2, 4, 6, 8]
    assert seen == [[0, 1, 2], [3, 4]]


async def test_only_the_bad_items_caller_sees_its_error() -> None:
    async def flush(items: Sequence[int]) -> list[int]:
        if 3 in items:
            raise ValueError("three")
        return list(items)

    async with Batcher(flush, max_items=10, divisible=(ValueError,)) as batcher:
        answers = await asyncio.gather(
            *(batcher.submit(item) for item in range(6)), return_exceptions=True
        )
    assert [repr(answer) for answer in answers] == ["0", "1", "2", "ValueError('three')", "4", "5"]


async def test_another_error_reaches_every_caller() -> None:
    async def flush(items: Sequence[int]) -> list[int]:
        raise ConnectionError

    async with Batcher(flush, max_items=10, divisible=(ValueError,)) as batcher:
        answers = await asyncio.gather(
            *(batcher.submit(item) for item in range(2)), return_exceptions=True
        )
    assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError]


async def test_one_items_error_is_its_callers_alone() -> None:
    async def flush(items: Sequence[int]) -> list[int | Exception]:
        return [ValueError() if item == 1 else item for item in items]

    async with Batcher(flush, max_items=10) as batcher:
        answers = await asyncio.gather(
            *(batcher.submit(item) for item in range(3)), return_exceptions=True
        )
    assert [type(answer) for answer in answers] == [int, ValueError, int]


async def test_a_caller_that_leaves_does_not_end_the_flush() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def flush(items: Sequence[int]) -> list[int]:
        begun.set()
        await go_on.wait()
        done.extend(items)
        return list(items)

    async with Batcher(flush, max_items=10) as batcher:
        leaving = asyncio.create_task(batcher.submit(1))
        staying = asyncio.create_task(batcher.submit(2))
        await begun.wait()
        leaving.cancel()
        go_on.set()
        assert await staying == 2
    assert done == [1, 2]


async def test_too_many_waiting_are_refused() -> None:
    go_on = asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int]:
        await go_on.wait()
        return list(items)

    async with Batcher(flush, max_items=1, max_waiting=2) as batcher:
        waiting = [asyncio.create_task(batcher.submit(item)) for item in range(2)]
        with pytest.raises(Overloaded):
            await asyncio.create_task(batcher.submit(3))
        go_on.set()
        await asyncio.gather(*waiting)


async def test_one_caller_has_the_answers_to_many_items_in_order() -> None:
    async def flush(items: Sequence[int]) -> list[int | Exception]:
        return [ValueError() if item == 4 else item * 2 for item in items]

    async with Batcher(flush, max_items=2, parallel=2, max_waiting=6) as batcher:
        assert await batcher.submit_all([]) == []
        answers = await batcher.submit_all(range(8))
    assert [a if isinstance(a, int) else type(a) for a in answers] == [
        *(0, 2, 4, 6),
        *(ValueError, 10),
        *(Overloaded, Overloaded),
    ]
