"""Bounds how much of a channel one endpoint may hold."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """A number of places for each key. Who waits longer than `patience` seconds is sent away, so that what
    is slow holds nothing but its own places."""

    def __init__(self, each: int, *, patience: float) -> None:
        self._each = each
        self._patience = patience
        self._free: dict[str, asyncio.Semaphore] = {}
        self._guests: Counter[str] = Counter()

    @asynccontextmanager
    async def at(self, key: str) -> AsyncIterator[bool]:
        """Whether there was a place; it is held until the context is left."""
        places = self._free.setdefault(key, asyncio.Semaphore(self._each))
        self._guests[key] += 1
        taken = False
        try:
            try:
                async with asyncio.timeout(self._patience):
                    taken = await places.acquire()
            except TimeoutError:
                taken = False
            yield taken
        finally:
            if taken:
                places.release()
            self._guests[key] -= 1
            if not self._guests[key]:
                del self._guests[key], self._free[key]
