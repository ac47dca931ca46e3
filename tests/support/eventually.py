"""Waiting for something to become so, with an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

_STEP_S = 0.02


async def eventually(probe: Callable[[], Awaitable[Value | None]], *, within: float = 10) -> Value:
    """Returns the first truthy value of `probe`; TimeoutError when there is none in time."""
    async with asyncio.timeout(within):
        # What is looked at is in another process or a database, which set no event here.
        while not (value := await probe()):  # noqa: ASYNC110
            await asyncio.sleep(_STEP_S)
    return value
