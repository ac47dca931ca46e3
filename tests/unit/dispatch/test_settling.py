"""What follows from an outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.dispatch.domain.models import Attempt, DeliveryState, Outcome
from services.dispatch.domain.settling import RetryPolicy, settle

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POLICY = RetryPolicy(max_attempts=4, base=timedelta(seconds=2), ceiling=timedelta(seconds=10))
AT_LEAST_ONCE, AT_MOST_ONCE = 1, 2


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("outcome", "number", "guarantee", "retry_after", "left", "state", "delay"),
    [
        (Outcome.ACCEPTED, 1, AT_LEAST_ONCE, None, 3600, DeliveryState.SENT, None),
        (Outcome.PERMANENT, 1, AT_LEAST_ONCE, None, 3600, DeliveryState.FAILED, None),
        # 2 s doubled per attempt; jitter 0.5 takes three quarters: 1.5, 3, 6 s
        (Outcome.TRANSIENT, 1, AT_LEAST_ONCE, None, 3600, DeliveryState.RETRY, seconds(1.5)),
        (Outcome.TRANSIENT, 2, AT_MOST_ONCE, None, 3600, DeliveryState.RETRY, seconds(3)),
        (Outcome.AUTH, 3, AT_LEAST_ONCE, None, 3600, DeliveryState.RETRY, seconds(6)),
        # the budget of 4 attempts is spent
        (Outcome.TRANSIENT, 4, AT_LEAST_ONCE, None, 3600, DeliveryState.FAILED, None),
        # the provider's wish wins when it is longer
        (Outcome.THROTTLED, 1, AT_LEAST_ONCE, 60, 3600, DeliveryState.RETRY, seconds(60)),
        (Outcome.THROTTLED, 2, AT_LEAST_ONCE, 1, 3600, DeliveryState.RETRY, seconds(3)),
        # looked at again when the time to live is over, to expire
        (Outcome.TRANSIENT, 2, AT_LEAST_ONCE, None, 2, DeliveryState.RETRY, seconds(2)),
        (Outcome.UNKNOWN, 1, AT_LEAST_ONCE, None, 3600, DeliveryState.UNKNOWN, seconds(1.5)),
        (Outcome.UNKNOWN, 1, AT_MOST_ONCE, None, 3600, DeliveryState.UNKNOWN, None),
        (Outcome.UNKNOWN, 4, AT_LEAST_ONCE, None, 3600, DeliveryState.UNKNOWN, None),
        (Outcome.UNKNOWN, 1, AT_LEAST_ONCE, None, 1.5, DeliveryState.UNKNOWN, None),
    ],
)
def test_settlement(
    outcome: Outcome,
    number: int,
    guarantee: int,
    retry_after: float | None,
    left: float,
    state: DeliveryState,
    delay: timedelta | None,
) -> None:
    attempt = Attempt(
        provider="smtp",
        start_time=NOW,
        finish_time=NOW,
        outcome=outcome,
        response="451 later",
        retry_after=None if retry_after is None else seconds(retry_after),
    )
    settlement = settle(
        attempt,
        number=number,
        guarantee=guarantee,
        expire_time=NOW + seconds(left),
        now=NOW,
        policy=POLICY,
        jitter=0.5,
    )
    assert (settlement.state, settlement.delay) == (state, delay)


@pytest.mark.parametrize(
    ("tries", "jitter", "wait"),
    # between half and all of 2 s doubled, never above 10 s, however often
    [(1, 0.0, 1), (1, 1.0, 2), (3, 0.0, 4), (4, 1.0, 10), (10_000, 1.0, 10)],
)
def test_waits_double_to_a_ceiling(tries: int, jitter: float, wait: float) -> None:
    assert POLICY.wait(tries, jitter=jitter) == seconds(wait)


def test_the_last_refusal_keeps_the_providers_words() -> None:
    attempt = Attempt(
        provider="smtp",
        start_time=NOW,
        finish_time=NOW,
        outcome=Outcome.TRANSIENT,
        response="451 4.3.0 try later",
    )
    settlement = settle(
        attempt,
        number=4,
        guarantee=AT_LEAST_ONCE,
        expire_time=NOW + seconds(3600),
        now=NOW,
        policy=POLICY,
        jitter=0,
    )
    assert settlement.detail == "gave up after 4 attempts: 451 4.3.0 try later"


@pytest.mark.parametrize("may_have_left", [True, False])
def test_what_is_tried_again_remembers_that_it_may_have_left(may_have_left: bool) -> None:
    attempt = Attempt(
        provider="webhook",
        start_time=NOW,
        finish_time=NOW,
        outcome=Outcome.TRANSIENT,
        response="no answer in time",
        may_have_left=may_have_left,
    )
    settlement = settle(
        attempt,
        number=1,
        guarantee=AT_MOST_ONCE,
        expire_time=NOW + seconds(3600),
        now=NOW,
        policy=POLICY,
        jitter=0,
    )
    assert (settlement.state, settlement.in_doubt) == (DeliveryState.RETRY, may_have_left)
