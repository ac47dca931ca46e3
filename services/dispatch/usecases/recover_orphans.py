"""Takes deliveries out of dead hands."""

from __future__ import annotations

import logging
import random

import asyncpg

from libs.clock import Clock
from services.dispatch import wire
from services.dispatch.domain.models import (
    Attempt,
    DeliveryState,
    Outcome,
    Settlement,
)
from services.dispatch.domain.settling import RetryPolicy, settle_unknown
from services.dispatch.store import Ledger, SettlementRow

_log = logging.getLogger(__name__)

_SWEEP = 500
_WORDS = "the process died while it was being sent"


class RecoverOrphans:
    """What was only claimed is due at once; what was being sent is UNKNOWN, with the attempt logged."""

    def __init__(self, *, ledger: Ledger, policy: RetryPolicy, clock: Clock) -> None:
        self._ledger = ledger
        self._policy = policy
        self._clock = clock

    async def __call__(self) -> None:
        """Recovers all orphans, then makes due what may be tried again."""
        while count := await self._ledger.recover_orphans(self._decide, limit=_SWEEP):
            _log.warning("orphans_recovered", extra={"deliveries": count})
            if count < _SWEEP:
                break
        await self._ledger.revive_unknown(limit=_SWEEP)

    def _decide(self, row: asyncpg.Record) -> SettlementRow:
        now = self._clock.now()
        if row["state"] == DeliveryState.CLAIMED:
            at_once = Settlement(state=DeliveryState.RETRY, delay=self._policy.base * 0)
            return row["delivery_id"], at_once, b""
        attempt = Attempt(
            provider="",
            start_time=row["sending_time"],
            finish_time=now,
            outcome=Outcome.UNKNOWN,
            response=_WORDS,
        )
        settlement = settle_unknown(
            _WORDS,
            number=row["attempts"],
            guarantee=row["guarantee"],
            expire_time=row["expire_time"],
            now=now,
            policy=self._policy,
            jitter=random.random(),
        )
        return row["delivery_id"], settlement, wire.attempt_log(row["attempts"], attempt)
