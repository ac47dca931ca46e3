"""Repeats a call that a repeat cannot harm, for a while."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TypeVar

import grpc

from cli.errors import CommandError, Refused, Unreachable
from cli.session import Session

Request = TypeVar("Request")
Response = TypeVar("Response")

_TRY_SECONDS = 5.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)


def may_pass(error: CommandError) -> bool:
    """Whether the same call may succeed a little later."""
    if isinstance(error, Refused):
        asked_to_wait = (
            error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            and error.details.retry_after is not None
        )
        return error.code in _PASSING or asked_to_wait
    return isinstance(error, Unreachable)


class Pauses:
    """How long to wait between tries: longer each time, and never less than was asked for."""

    def __init__(self) -> None:
        self._longest = _FIRST_PAUSE

    def after(self, *errors: CommandError) -> float:
        """Returns the seconds to wait after a try that ended so."""
        asked = [error.details.retry_after or 0.0 for error in errors if isinstance(error, Refused)]
        drawn = random.uniform(0, self._longest)
        self._longest = min(self._longest * 2, _LONGEST_PAUSE)
        return max(asked, default=0.0) + drawn


async def ask_again(
    session: Session,
    method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
    request: Request,
    *,
    within: float,
    each: float = _TRY_SECONDS,
) -> Response:
    """Calls until an answer, a refusal that will not pass, or `within` seconds are over.

    Each try takes at most `each` seconds.
    """
    deadline = time.monotonic() + within
    pauses = Pauses()
    told = False
    while True:
        remaining = max(deadline - time.monotonic(), 0.05)
        try:
            return await session.ask(method, request, timeout=min(each, remaining))
        except (Refused, Unreachable) as error:
            if not may_pass(error):
                raise
            delay = pauses.after(error)
            if time.monotonic() + delay >= deadline:
                raise
            if not told:
                session.output.note(f"{error.sentence}; trying for {within:g} s")
                told = True
        await asyncio.sleep(delay)
