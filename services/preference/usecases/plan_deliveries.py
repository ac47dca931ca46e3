"""Plans notifications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.preference.domain.planning import Plan, plan_deliveries
from services.preference.domain.tasks import PlanTask
from services.preference.store.planning import PlanningStore


@dataclass(frozen=True, slots=True)
class PlanDeliveries:
    """Decides where notifications go out: three statements a batch, then a pure function each."""

    store: PlanningStore

    async def __call__(self, tasks: Sequence[PlanTask]) -> list[Plan]:
        """Returns the plans in the order of the tasks."""
        recipient_keys = {task.recipient_key for task in tasks}
        recipients = await self.store.recipients(recipient_keys)
        categories = await self.store.categories({task.category_key for task in tasks})
        preferences = await self.store.preferences(recipient_keys)
        return [
            plan_deliveries(
                recipients.get(task.recipient_key),
                categories.get(task.category_key),
                preferences.get(task.recipient_key, ()),
                requested=task.requested,
                content=task.content,
                left=task.left,
            )
            for task in tasks
        ]
