"""Receivers that answer nothing, too slowly, or without end."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.dispatch.domain.models import Outcome
from tests.integration.dispatch.webhook_calls import answered
from tests.support.receiver import (
    Answer,
    Received,
)

# How slow a receiver is that is to be endured; nobody waits for anything by it.
SLOWLY_S = 0.05


async def silence(request: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(request: Received, writer: asyncio.StreamWriter) -> None:
    """Slow-loris: a header that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-A: b\r\n")
        await writer.drain()
        await asyncio.sleep(SLOWLY_S)


async def headers_without_end(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(1_000_000):
        writer.write(b"X-A: " + b"b" * 1000 + b"\r\n")
        await writer.drain()


async def interim_without_end(request: Received, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()


async def no_http(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()


async def reset(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hang_up(request: Received, writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (silence, "no answer in time"),
        (drip, "no answer in time"),
        (interim_without_end, "no answer in time"),
        (headers_without_end, "the connection broke before an answer"),
        (no_http, "the connection broke before an answer"),
        (reset, "the connection broke before an answer"),
        (hang_up, "the connection broke before an answer"),
    ],
)
async def test_without_an_answer_it_may_have_left_and_is_not_unknown(
    answer: Answer, says: str
) -> None:
    begun = time.monotonic()
    attempt, receiver = await answered(answer, within=1)
    assert (attempt.outcome, attempt.response) == (Outcome.TRANSIENT, says)
    assert attempt.may_have_left
    assert len(receiver.requests) == 1
    assert time.monotonic() - begun < 2


class Flood:
    """Answers 200 with a body without end, as fast or as slow as told."""

    def __init__(self, chunk: bytes, pause: float) -> None:
        self.sent = 0
        self._chunk = chunk
        self._pause = pause

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            writer.write(self._chunk)
            await writer.drain()
            self.sent += len(self._chunk)
            await asyncio.sleep(self._pause)


@pytest.mark.parametrize("flood", [Flood(b"a" * 65_536, 0), Flood(b"a", SLOWLY_S)])
async def test_the_answer_is_its_status_and_the_rest_is_not_waited_for(flood: Flood) -> None:
    begun = time.monotonic()
    attempt, _ = await answered(flood)
    assert attempt.outcome is Outcome.ACCEPTED
    assert len(attempt.response) <= len("200 ") + 200
    assert time.monotonic() - begun < 3
    # What the sockets' buffers take, and not what it would send.
    assert flood.sent < 50_000_000
