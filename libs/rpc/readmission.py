"""Looks again, while a stream is open, whether its caller is still to be admitted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from libs.errors import DependencyUnavailable, TidingsError


@asynccontextmanager
async def readmitted(admit: Callable[[], Awaitable[None]], *, every: float) -> AsyncIterator[None]:
    """Asks every so many seconds; when `admit` refuses, ends what is inside and raises what it raised.

    While whoever is asked is away, the stream goes on.
    """
    loop = asyncio.get_running_loop()
    refusal: TidingsError | None = None

    async def watch() -> None:
        nonlocal refusal
        while refusal is None:
            await asyncio.sleep(every)
            try:
                await admit()
            except DependencyUnavailable:
                continue
            except TidingsError as error:
                refusal = error
                end.reschedule(loop.time())

    try:
        async with asyncio.timeout(None) as end:
            watching = loop.create_task(watch())
            try:
                yield
            finally:
                watching.cancel()
    except TimeoutError:
        if refusal is None:
            raise
        raise refusal from None
