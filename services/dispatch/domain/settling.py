"""What follows from an outcome: pure, with the randomness of the back-off as an argument."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from libs.values import value
from services.dispatch.domain.models import (
    AT_MOST_ONCE,
    Attempt,
    DeliveryState,
    Outcome,
    Settlement,
)

_DETAIL = 500


@value
class RetryPolicy:
    """How often and how soon."""

    max_attempts: int
    """Provider calls for one delivery, the first included."""
    base: timedelta
    """Ceiling of the first wait; it doubles with each attempt."""
    ceiling: timedelta
    """Longest wait that is ours to choose."""

    def wait(self, tries: int, *, jitter: float) -> timedelta:
        """Returns the wait after `tries` tries: between half and all of the doubled base,
        by `jitter` in [0, 1)."""
        longest = min(self.base * (1 << min(tries - 1, 30)), self.ceiling)
        return longest * (0.5 + jitter / 2)


def settle(
    attempt: Attempt,
    *,
    number: int,
    guarantee: int,
    expire_time: datetime,
    now: datetime,
    policy: RetryPolicy,
    jitter: float,
) -> Settlement:
    """Returns what becomes of a delivery after its attempt of that `number`, counted from 1."""
    detail = attempt.response[:_DETAIL]
    match attempt.outcome:
        case Outcome.ACCEPTED:
            return Settlement(state=DeliveryState.SENT)
        case Outcome.PERMANENT:
            return Settlement(state=DeliveryState.FAILED, detail=detail)
        case Outcome.UNKNOWN:
            return settle_unknown(
                detail,
                number=number,
                guarantee=guarantee,
                expire_time=expire_time,
                now=now,
                policy=policy,
                jitter=jitter,
            )
    if number >= policy.max_attempts:
        return Settlement(
            state=DeliveryState.FAILED, detail=f"gave up after {number} attempts: {detail}"
        )
    delay = max(policy.wait(number, jitter=jitter), attempt.retry_after or timedelta())
    # When its time is over before its turn comes, it is looked at then, and expires.
    left = max(expire_time - now, timedelta())
    return Settlement(
        state=DeliveryState.RETRY,
        detail=detail,
        delay=min(delay, left),
        in_doubt=attempt.may_have_left,
    )


def settle_unknown(
    detail: str,
    *,
    number: int,
    guarantee: int,
    expire_time: datetime,
    now: datetime,
    policy: RetryPolicy,
    jitter: float,
) -> Settlement:
    """Returns UNKNOWN: due again if the category says at least once and there is budget, else for good."""
    delay = policy.wait(number, jitter=jitter)
    again = guarantee != AT_MOST_ONCE and number < policy.max_attempts and now + delay < expire_time
    return Settlement(state=DeliveryState.UNKNOWN, detail=detail, delay=delay if again else None)


def settle_orphan(
    *,
    state: DeliveryState,
    idempotent: bool,
    alone: bool,
    cancelled: bool,
    in_doubt: bool,
    lone_deaths: int,
    max_lone_deaths: int,
    unknown: Settlement,
    claims: int,
    policy: RetryPolicy,
    jitter: float,
) -> Settlement:
    """Returns what becomes of a delivery that was taken out of a process's hands.

    Only deaths with this one `alone` in hand count against it; `unknown` is what becomes of it if it
    may have left: RETRY or FAILED for a target that drops repeats, unless it was `cancelled`. For an `idempotent` target it is simply done again, cancelled or not: it
    may be there already.
    """
    if state is DeliveryState.SENDING or (cancelled and in_doubt and not idempotent):
        return replace(unknown, delay=None) if cancelled else unknown
    if cancelled and not idempotent:
        return Settlement(state=DeliveryState.CANCELLED)
    if alone and lone_deaths + 1 >= max_lone_deaths:
        return Settlement(
            state=DeliveryState.DEAD,
            detail=f"{lone_deaths + 1} processes died with nothing but this in hand",
        )
    if alone:
        return release("a process died of it", claims=claims, policy=policy, jitter=jitter)
    return Settlement(state=DeliveryState.RETRY, delay=timedelta())


def release(detail: str, *, claims: int, policy: RetryPolicy, jitter: float) -> Settlement:
    """Returns RETRY without an attempt: something of ours was away, the provider was not called."""
    return Settlement(
        state=DeliveryState.RETRY, detail=detail, delay=policy.wait(claims, jitter=jitter)
    )
