"""Reads facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.tracking.store.reports import ReportStore


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """Returns what is known of a tenant's notifications, the oldest first."""

    store: ReportStore

    async def __call__(
        self, tenant_id: str, notification_ids: Sequence[UUID]
    ) -> list[asyncpg.Record]:
        """Notifications of which nothing is known are absent."""
        return await self.store.read_facts(tenant_id, notification_ids)
