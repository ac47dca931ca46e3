"""Waiting for something to become so, with an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

Value = TypeVar("Value")

_STEP_S = 0.02


@overload
async def eventually(
    probe: Callable[[], Awaitable[Value | None]], what: str = "", *, within: float = 10
) -> Value: ...


@overload
async def eventually(probe: Callable[[], bool], what: str = "", *, within: float = 10) -> bool: ...


async def eventually(probe: Callable[[], object], what: str = "", *, within: float = 10) -> object:
    """Returns the first truthy value of `probe`; TimeoutError, which says `what` did not become so,
    when there is none within so many seconds."""
    try:
        async with asyncio.timeout(within):
            # What is looked at is in another process or a database, which set no event here.
            while not (value := await _seen(probe)):  # noqa: ASYNC110
                await asyncio.sleep(_STEP_S)
    except TimeoutError as error:
        wanted = what or getattr(probe, "__qualname__", repr(probe))
        raise TimeoutError(f"not within {within} s: {wanted}") from error
    return value


async def _seen(probe: Callable[[], object]) -> object:
    value = probe()
    return await value if isinstance(value, Awaitable) else value
