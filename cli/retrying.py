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


async def ask_again(
    session: Session,
    method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
    request: Request,
    *,
    within: float,
) -> Response:
    """Calls until an answer, a refusal that will not pass, or `within` seconds are over."""
    deadline = time.monotonic() + within
    pause = _FIRST_PAUSE
    told = False
    while True:
        remaining = max(deadline - time.monotonic(), 0.05)
        try:
            return await session.ask(method, request, timeout=min(_TRY_SECONDS, remaining))
        except (Refused, Unreachable) as error:
            if not may_pass(error):
                raise
            delay = _delay(error, pause)
            if time.monotonic() + delay >= deadline:
                raise
            if not told:
                session.output.note(f"{error.sentence}; trying for {within:g} s")
                told = True
        await asyncio.sleep(delay)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _delay(error: CommandError, pause: float) -> float:
    asked = error.details.retry_after if isinstance(error, Refused) else None
    return (asked or 0.0) + random.uniform(0, pause)
