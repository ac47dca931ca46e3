"""Loops end when they are told to, also when their clean-up fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta

import pytest

from libs.runtime.loops import Loops


async def test_a_failing_clean_up_does_not_stand_for_the_cancellation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun = 0
    running = asyncio.Event()

    async def body() -> None:
        nonlocal begun
        begun += 1
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionError("the rollback failed")

    loops = Loops()
    loops.add("stubborn", body)
    loops.start()
    await running.wait()
    with caplog.at_level(logging.WARNING):
        await loops.stop()
    assert begun == 1
    assert "loop_goes_on" not in [record.message for record in caplog.records]
    assert [task for task in asyncio.all_tasks() if task.get_name() == "stubborn"] == []


async def test_a_step_that_swallows_the_cancellation_is_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    running = asyncio.Event()
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        running.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    loops = Loops()
    loops.add_periodic("deaf", step, every=timedelta(0))
    loops.start()
    await running.wait()
    with caplog.at_level(logging.WARNING):
        await loops.stop()
    assert steps == 1
    assert caplog.records == []


async def test_a_loop_that_fails_is_begun_again() -> None:
    lives = asyncio.Semaphore(0)

    async def body() -> None:
        lives.release()
        raise ConnectionError

    loops = Loops()
    loops.add("unlucky", body)
    loops.start()
    async with asyncio.timeout(5):
        for _ in range(3):
            await lives.acquire()
    await loops.stop()
