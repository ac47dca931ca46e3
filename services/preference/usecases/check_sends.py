"""Says whether sends can be accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.preference.domain.tasks import SendCheck, SendCheckResult
from services.preference.store.planning import PlanningStore


@dataclass(frozen=True, slots=True)
class CheckSends:
    """Looks up the recipients and categories of sends: two statements a batch."""

    store: PlanningStore

    async def __call__(self, checks: Sequence[SendCheck]) -> list[SendCheckResult]:
        """Returns the results in the order of the checks."""
        known = await self.store.existing_recipients({check.recipient_key for check in checks})
        categories = await self.store.categories({check.category_key for check in checks})
        return [
            SendCheckResult(
                recipient_known=check.recipient_key in known,
                category=categories.get(check.category_key),
            )
            for check in checks
        ]
