"""Settles calls that were made: what is known of them must not be lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from libs.clock import Clock
from libs.errors import DependencyUnavailable
from libs.failpoints import failpoint
from services.dispatch import wire
from services.dispatch.domain.models import (
    Attempt,
    ClaimedDelivery,
    Decision,
    DeliveryState,
    Outcome,
)
from services.dispatch.domain.settling import RetryPolicy, settle
from services.dispatch.store.ledger import Ledger
from services.dispatch.usecases import tell

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0

Made = tuple[ClaimedDelivery, Attempt]
"""A delivery that was SENDING, and what came of the call."""


class SettleAttempts:
    """Writes outcomes, however long the database is away."""

    def __init__(self, *, ledger: Ledger, policy: RetryPolicy, clock: Clock) -> None:
        self._ledger = ledger
        self._policy = policy
        self._clock = clock

    async def __call__(self, made: Sequence[Made]) -> list[None]:
        """Settles calls; answers one None each."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                await self._settle(made)
                break
            except DependencyUnavailable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
        failpoint("dispatch.settled")
        return [None] * len(made)

    async def _settle(self, made: Sequence[Made]) -> None:
        now = self._clock.now()
        decisions = [
            Decision(
                delivery=delivery,
                settlement=settle(
                    attempt,
                    number=delivery.attempts + 1,
                    guarantee=delivery.task.guarantee,
                    expire_time=delivery.task.expire_time,
                    now=now,
                    policy=self._policy,
                    jitter=random.random(),
                ),
                attempt_log=wire.attempt_log(delivery.attempts + 1, attempt),
                gone_call_time=attempt.start_time if attempt.endpoint_gone else None,
            )
            for delivery, attempt in made
        ]
        with tell.settling(len(decisions)) as sql:
            settled = await self._ledger.settle(decisions, from_state=DeliveryState.SENDING)
        tell.attempted(decisions, [attempt for _, attempt in made], sql=sql)
        late = [
            (decision.delivery.task.delivery_id, decision.attempt_log)
            for decision, (_, attempt) in zip(decisions, made, strict=True)
            if decision.delivery.task.delivery_id not in settled
            and attempt.outcome is Outcome.ACCEPTED
        ]
        if late:
            await self._ledger.settle_late(late)
