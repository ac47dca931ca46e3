"""Measures what waits to be planned, and what was published and not claimed yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from libs.telemetry import metrics
from services.ingestion.store.notifications import NotificationStore
from services.ingestion.store.plans import PlanStore

_STAGE = "planning"


@dataclass(frozen=True, slots=True)
class MeasureBacklog:
    """Counts by lane, tenants taken together; a lane that has emptied is said to be empty."""

    notifications: NotificationStore
    plans: PlanStore
    _seen: dict[tuple[int, int], int] = field(default_factory=dict)

    async def __call__(self) -> None:
        """Counts once. What may use several channels counts on each."""
        counts: Counter[tuple[int, int]] = Counter()
        for priority, mask, waiting in await self.notifications.count_waiting():
            for channel in range(mask.bit_length()):
                if mask >> channel & 1:
                    counts[channel, priority] += waiting
        self._seen.update(dict.fromkeys(self._seen, 0))
        self._seen.update(counts)
        metrics.backlog(_STAGE, self._seen)
        metrics.outbox_age((await self.plans.outbox_age()).total_seconds())
