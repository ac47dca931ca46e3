"""Measures what waits in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field

from libs.telemetry import metrics
from services.dispatch.store.ledger import Ledger

_STAGE = "delivering"


@dataclass(frozen=True, slots=True)
class MeasureBacklog:
    """Counts by lane; a lane that has emptied is said to be empty."""

    ledger: Ledger
    _seen: dict[tuple[int, int], int] = field(default_factory=dict)

    async def __call__(self) -> None:
        """Counts once."""
        self._seen.update(dict.fromkeys(self._seen, 0))
        self._seen.update(await self.ledger.count_due())
        metrics.backlog(_STAGE, self._seen)
