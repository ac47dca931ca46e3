"""Plans what waits in the table: for credit, for its time, or because its process died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from services.ingestion.store.notifications import NotificationStore
from services.ingestion.usecases.hand_over import HandOver
from services.ingestion.usecases.plan_notifications import BATCH, PlanNotifications

_log = logging.getLogger(__name__)

_LANES = 20
_ORPHANS = 1_000


class SweepWaiting:
    """Takes turns over the lanes of all tenants, within their credit."""

    def __init__(
        self,
        *,
        notifications: NotificationStore,
        plan: PlanNotifications,
        hand_over: HandOver,
        owner: Callable[[], UUID],
        window: int,
        interval: timedelta,
        may_judge: Callable[[], bool],
    ) -> None:
        self._notifications = notifications
        self._plan = plan
        self._hand_over = hand_over
        self._owner = owner
        self._window = window
        self._interval = interval
        self._may_judge = may_judge
        self._woken = hand_over.left_in_table

    async def run(self) -> None:
        """Sweeps for ever: at intervals, and at once when something was left in the table."""
        while True:
            self._woken.clear()
            await self._sweep()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval.total_seconds()):
                    await self._woken.wait()

    async def disown_orphans(self) -> None:
        """Takes notifications out of dead hands, if we can tell who is dead."""
        if not self._may_judge():
            return
        while count := await self._notifications.disown_orphans(limit=_ORPHANS):
            _log.warning("orphans_disowned", extra={"notifications": count})
            self._woken.set()
            if count < _ORPHANS:
                return

    async def _sweep(self) -> None:
        while found := await self._notifications.claim_waiting(
            owner=self._owner(), lane_limit=BATCH, window=self._window, lanes=_LANES
        ):
            for start in range(0, len(found), BATCH):
                await self._plan.plan(found[start : start + BATCH])
        self._hand_over.reopen_all_but(await self._notifications.waiting_lanes())
