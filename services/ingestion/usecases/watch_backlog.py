"""Bounds what is accepted by what waits."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

from services.ingestion.domain.admission import Backlog, BacklogLimits, check_backlog
from services.ingestion.store.backlog import BacklogStore

_log = logging.getLogger(__name__)

# Of the time, counting takes at most a tenth.
_REST = 9


class WatchBacklog:
    """Counted now and then, for all tenants: what is accepted in between may exceed a limit."""

    def __init__(self, *, store: BacklogStore, limits: BacklogLimits, interval: timedelta) -> None:
        self._store = store
        self._limits = limits
        self._interval = interval
        self._full: dict[str, Backlog] = {}

    async def run(self) -> None:
        """Counts for ever."""
        while True:
            begun = time.monotonic()
            await self.count()
            spent = time.monotonic() - begun
            await asyncio.sleep(max(self._interval.total_seconds(), _REST * spent))

    async def count(self) -> None:
        """Finds the tenants of which more waits than may."""
        many = await self._store.tenants_with_waiting(self._limits.rows)
        old = await self._store.tenants_with_message_older(self._limits.age)
        full = {
            tenant_id: Backlog(too_many=tenant_id in many, too_old=tenant_id in old)
            for tenant_id in many | old
        }
        for tenant_id in full.keys() | self._full.keys():
            self._tell(tenant_id, self._full.get(tenant_id), full.get(tenant_id))
        self._full = full

    def check(self, tenant_id: str, priority: int) -> None:
        """Raises BacklogFull when a tenant's work of that priority is not accepted now."""
        check_backlog(tenant_id, priority, self._full.get(tenant_id), self._limits)

    def _tell(self, tenant_id: str, before: Backlog | None, after: Backlog | None) -> None:
        if after is None:
            _log.info("backlog_in_bounds", extra={"tenant_id": tenant_id})
        elif before != after:
            _log.warning(
                "backlog_full",
                extra={
                    "tenant_id": tenant_id,
                    "too_many": after.too_many,
                    "too_old": after.too_old,
                },
            )
