"""Tokens of the resuming subscription: kept, replaced, waited for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest

from cli.inbox_feed import (
    AttemptFailed,
    Connected,
    Disconnected,
    FeedRefused,
    Live,
    Token,
    TokenUnavailable,
)
from tests.unit.cli.fake_inbox import (
    HOLD,
    UNAVAILABLE,
    Fail,
    FakeInbox,
    Tokens,
    closing,
    feed_from,
    heartbeat,
    opened,
    take,
)
from tidings.inbox.v1.inbox_stream_service_pb2 import (
    ClosingReason,
)


async def test_a_refused_token_is_replaced_once() -> None:
    tokens = Tokens()
    inbox = FakeInbox(
        [Fail(grpc.StatusCode.UNAUTHENTICATED, "expired")], [opened("c0"), heartbeat("c0"), HOLD]
    )
    async with feed_from(inbox, tokens=tokens) as (feed, _):
        failed, connected = await take(feed, 2)
    assert isinstance(failed, AttemptFailed)
    assert failed.retry_in == 0
    assert isinstance(connected, Connected)
    assert inbox.tokens == ["token-1", "token-2"]


async def test_a_fresh_token_that_is_refused_too_is_an_end() -> None:
    tokens = Tokens()
    inbox = FakeInbox([Fail(grpc.StatusCode.UNAUTHENTICATED, "unknown key")])
    async with feed_from(inbox, tokens=tokens) as (feed, _):
        with pytest.raises(FeedRefused, match="unknown key"):
            await take(feed, 2)
    assert tokens.given == 2


async def test_comes_back_with_a_fresh_token_when_the_old_one_expires() -> None:
    inbox = FakeInbox(
        [opened("c0"), closing(ClosingReason.CLOSING_REASON_CREDENTIALS_EXPIRED)],
        [opened("c0", resumed=True), HOLD],
    )
    async with feed_from(inbox, start=Live()) as (feed, _):
        events = await take(feed, 3)
    assert isinstance(events[1], Disconnected)
    assert "credentials expired" in events[1].why
    assert inbox.tokens == ["token-1", "token-2"]


async def test_a_token_is_kept_while_it_is_good_and_not_longer() -> None:
    given: list[str] = []
    lifetimes = [timedelta(hours=1), timedelta(seconds=1), timedelta(hours=1)]

    async def tokens() -> Token:
        given.append(f"token-{len(given) + 1}")
        expire_time = datetime.now(UTC) + lifetimes[len(given) - 1]
        return Token(value=given[-1], expire_time=expire_time)

    expired = closing(ClosingReason.CLOSING_REASON_CREDENTIALS_EXPIRED)
    inbox = FakeInbox(
        [opened("c0"), UNAVAILABLE],
        [opened("c0", resumed=True), expired],
        [opened("c0", resumed=True), UNAVAILABLE],
        [opened("c0", resumed=True), HOLD],
    )
    async with feed_from(inbox, start=Live(), tokens=tokens) as (feed, _):
        await take(feed, 7)
    # The second one is about to expire when the third stream is lost.
    assert inbox.tokens == ["token-1", "token-1", "token-2", "token-3"]


async def test_waits_for_a_token_that_cannot_be_had_just_now() -> None:
    answers: list[Exception | Token] = [TokenUnavailable("access is away"), Token(value="token")]

    async def tokens() -> Token:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    inbox = FakeInbox([opened("c0"), HOLD])
    async with feed_from(inbox, tokens=tokens) as (feed, _):
        failed, connected = await take(feed, 2)
    assert isinstance(failed, AttemptFailed)
    assert "access is away" in failed.why
    assert isinstance(connected, Connected)


async def test_a_token_source_may_end_the_subscription() -> None:
    async def tokens() -> Token:
        raise PermissionError("not yours")

    async with feed_from(FakeInbox([HOLD]), tokens=tokens) as (feed, _):
        with pytest.raises(PermissionError, match="not yours"):
            await take(feed, 1)
