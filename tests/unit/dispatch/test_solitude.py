"""Together, or alone."""

from __future__ import annotations

import asyncio

from services.dispatch.usecases.solitude import Solitude


async def test_one_alone_waits_for_all_and_keeps_all_waiting() -> None:
    solitude = Solitude()
    order: list[str] = []
    go_on = asyncio.Event()

    async def together(name: str) -> None:
        async with solitude.together():
            order.append(f"{name} begins")
            await go_on.wait()
            order.append(f"{name} ends")

    async def alone() -> None:
        async with solitude.alone():
            order.append("alone begins")
            await asyncio.sleep(0)
            order.append("alone ends")

    async def release() -> None:
        go_on.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(together("first"))
        group.create_task(together("second"))
        group.create_task(alone())
        # It asks while somebody wants to be alone, and so goes after.
        group.create_task(together("third"))
        group.create_task(release())
    assert order == [
        "first begins",
        "second begins",
        "first ends",
        "second ends",
        "alone begins",
        "alone ends",
        "third begins",
        "third ends",
    ]


async def test_one_that_fails_alone_lets_others_go_on() -> None:
    solitude = Solitude()
    try:
        async with solitude.alone():
            raise RuntimeError
    except RuntimeError:
        pass
    async with asyncio.timeout(1), solitude.together():
        pass
