"""Takes deliveries out of dead hands."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import asyncpg

from libs.clock import Clock, mint_uuid7
from libs.events import Event
from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection, in_transaction
from services.dispatch import wire
from services.dispatch.domain.models import (
    IN_APP,
    WEBHOOK,
    Attempt,
    DeadLetter,
    DeadLetterReason,
    DeliveryState,
    Outcome,
    Settlement,
)
from services.dispatch.domain.settling import RetryPolicy, settle, settle_orphan
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.ledger import Ledger, SettlementRow
from services.dispatch.usecases import tell

_log = logging.getLogger(__name__)

_SWEEP = 500
_WORDS = "the process died while it was being sent"


class RecoverOrphans:
    """What was only claimed is due at once; what was being sent is UNKNOWN, or is sent again to who drops
    repeats, with the attempt logged; what kills processes by itself is a dead letter."""

    def __init__(
        self,
        *,
        pool: Pool,
        ledger: Ledger,
        dead_letters: DeadLetterStore,
        policies: Mapping[int, RetryPolicy],
        max_lone_deaths: int,
        may_judge: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._policies = policies
        self._max_lone_deaths = max_lone_deaths
        self._may_judge = may_judge
        self._clock = clock

    async def __call__(self) -> None:
        """Recovers all orphans if we can tell who is dead; makes due what may be tried again."""
        while self._may_judge():
            states, event = await in_transaction(self._pool, self.recover)
            self._ledger.publish_soon(event)
            if states:
                tell.orphaned(states)
                _log.warning("orphans_recovered", extra={"deliveries": states.total()})
            if states.total() < _SWEEP:
                break
        await self._ledger.revive_unknown(limit=_SWEEP)

    async def recover(
        self, connection: Connection
    ) -> tuple[Counter[tuple[int, DeliveryState]], Event | None]:
        """Recovers some orphans in one transaction; returns how many by channel and state, and what
        then to publish."""
        orphans = await self._ledger.lock_orphans(connection, limit=_SWEEP)
        if not orphans:
            return Counter(), None
        settled = [self._settle(row) for row in orphans]
        event = await self._ledger.settle_orphans(
            connection, settled, [row["died"] for row in orphans]
        )
        dead = [
            self._dead_letter(row, settlement)
            for row, (_, settlement, _) in zip(orphans, settled, strict=True)
            if settlement.state is DeliveryState.DEAD
        ]
        if dead:
            await self._dead_letters.add(connection, dead)
        states = Counter(
            (row["channel"], settlement.state)
            for row, (_, settlement, _) in zip(orphans, settled, strict=True)
        )
        return states, event

    def _settle(self, row: asyncpg.Record) -> SettlementRow:
        now = self._clock.now()
        jitter = random.random()
        policy = self._policies[row["channel"]]
        attempt = _broken_off(row, now)
        settlement = settle_orphan(
            state=DeliveryState(row["state"]),
            idempotent=row["channel"] == IN_APP,
            alone=row["alone"] and row["died"],
            cancelled=row["cancelled"],
            in_doubt=row["in_doubt"],
            lone_deaths=row["lone_deaths"],
            max_lone_deaths=self._max_lone_deaths,
            unknown=settle(
                attempt,
                number=max(row["attempts"], 1),
                guarantee=row["guarantee"],
                expire_time=row["expire_time"],
                now=now,
                policy=policy,
                jitter=jitter,
            ),
            claims=row["claims"],
            policy=policy,
            jitter=jitter,
        )
        sending = row["state"] == DeliveryState.SENDING
        log = wire.attempt_log(row["attempts"], attempt) if sending else b""
        return row["delivery_id"], settlement, log

    def _dead_letter(self, row: asyncpg.Record, settlement: Settlement) -> DeadLetter:
        return DeadLetter(
            dead_letter_id=mint_uuid7(self._clock.now()),
            tenant_id=row["tenant_id"],
            reason=DeadLetterReason.POISON,
            detail=settlement.detail,
            body=row["variables"],
            delivery_id=row["delivery_id"],
            notification_id=row["notification_id"],
            channel=row["channel"],
        )


def _broken_off(row: asyncpg.Record, now: datetime) -> Attempt:
    """Returns the call that nobody saw the end of. The receiver of a webhook drops a repeat of its
    `webhook-id`, so it is sent again like one that did not arrive, unless it is not to be sent any more."""
    repeatable = row["channel"] == WEBHOOK and not row["cancelled"]
    return Attempt(
        provider="",
        start_time=row["sending_time"] or now,
        finish_time=now,
        outcome=Outcome.TRANSIENT if repeatable else Outcome.UNKNOWN,
        response=_WORDS,
        may_have_left=True,
    )
