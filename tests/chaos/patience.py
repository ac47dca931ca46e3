"""The discipline of a client: what may pass is tried again, unchanged, until there is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import grpc

Answer = TypeVar("Answer")

PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        # A gate that cannot ask whether a key is good must not say that it is bad; if it does,
        # the run ends and says so.
    }
)
CALL_SECONDS = 4.0
_PAUSE = 0.1


@dataclass(slots=True)
class Patience:
    """Repeats calls and counts how often it had to."""

    retries: int = 0

    async def until_answered(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Returns the first answer; raises what no repetition helps against."""
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() not in PASSING:
                    raise
            await self.pause()

    async def pause(self) -> None:
        """Waits a moment before a repetition, as the contract asks of clients."""
        self.retries += 1
        await asyncio.sleep(_PAUSE)
