"""Finishes outbox rows whose deliveries a dispatcher has claimed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from libs.clock import Clock
from services.ingestion.store.plans import PlanStore
from services.ingestion.usecases.hand_over import HandOver

_FIRST_GUESS = timedelta(milliseconds=200)
_WEIGHT = 0.1


class FinishClaimed:
    """Deletes the rows, and learns from them how long a delivery takes to be on its way."""

    def __init__(self, *, plans: PlanStore, clock: Clock, hand_over: HandOver) -> None:
        self._plans = plans
        self._hand_over = hand_over
        self._clock = clock
        self._delay = _FIRST_GUESS

    async def __call__(self, publications: Mapping[UUID, int]) -> None:
        """Deletes rows, of which those copies were claimed; those that are gone already are no error."""
        now = self._clock.now()
        for created in await self._plans.finish(publications):
            self._delay += (max(now - created, timedelta()) - self._delay) * _WEIGHT
        self._hand_over.credit_freed()

    def expected_delay(self) -> timedelta:
        """Returns a moving average of the time from plan to claim."""
        return self._delay
