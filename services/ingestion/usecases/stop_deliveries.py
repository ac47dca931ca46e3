"""Tells dispatch which deliveries must not leave any more, until nothing of them is open."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from libs.errors import DependencyUnavailable
from libs.telemetry import contexts
from services.ingestion.clients import Ledger
from services.ingestion.domain.delivery_ids import id_of_planned
from services.ingestion.domain.models import Fate, StoppedDelivery, StoppedPlan
from services.ingestion.domain.stopping import left_for_good
from services.ingestion.store.stopping import StoppingStore
from services.ingestion.usecases.hand_over import HandOver
from services.ingestion.wire.plans import planned_deliveries

_log = logging.getLogger(__name__)

_SWEEP = 100


class StopDeliveries:
    """Dispatch keeps a tombstone for what it does not know yet, so that asking again is harmless."""

    def __init__(self, *, store: StoppingStore, ledger: Ledger, hand_over: HandOver) -> None:
        self._store = store
        self._ledger = ledger
        self._hand_over = hand_over

    async def __call__(self, plans: Sequence[StoppedPlan]) -> list[list[StoppedDelivery]]:
        """Returns the fate of each plan's deliveries; raises DependencyUnavailable.

        One plan may come more than once, and is answered each time.
        """
        if len(plans) > 1:
            # A batch is no part of its first caller's trace.
            contexts.enter(None)
        deliveries = [
            [
                (plan, planned, id_of_planned(plan.notification_id, plan.revision, planned))
                for planned in planned_deliveries(plan.plan)
            ]
            for plan in plans
        ]
        wanted = [delivery for of_plan in deliveries for delivery in of_plan]
        fates = iter(await self._ledger.cancel(wanted) if wanted else ())
        answers = [
            [
                StoppedDelivery(delivery_id=delivery_id, channel=planned.channel, fate=next(fates))
                for _, planned, delivery_id in of_plan
            ]
            for of_plan in deliveries
        ]
        await self._close(plans, answers)
        return answers

    async def sweep(self) -> None:
        """Asks for what was committed and not yet answered for good."""
        while plans := await self._store.take_due(limit=_SWEEP):
            try:
                await self(plans)
            except DependencyUnavailable:
                _log.warning("stopping_waits", extra={"plans": len(plans)})
                return
            self._hand_over.left_in_table.set()
            if len(plans) < _SWEEP:
                return

    async def _close(
        self, plans: Sequence[StoppedPlan], answers: Sequence[Sequence[StoppedDelivery]]
    ) -> None:
        closed = [
            (plan, stopped)
            for plan, stopped in zip(plans, answers, strict=True)
            if all(delivery.fate is not Fate.IN_FLIGHT for delivery in stopped)
        ]
        masks: dict[UUID, int] = defaultdict(int)
        for plan, stopped in closed:
            masks[plan.notification_id] |= left_for_good(stopped)
        if closed:
            await self._store.finish(
                [(plan.notification_id, plan.revision) for plan, _ in closed], list(masks.items())
            )
