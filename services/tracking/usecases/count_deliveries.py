"""Counts deliveries and facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from services.tracking.domain.period import Period
from services.tracking.store.reports import ReportStore

_PART = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CountDeliveries:
    """From counts that are kept up to date, so that a year costs no more than its intervals: and no more of
    them than are wanted, since they are read month by month."""

    store: ReportStore

    async def __call__(
        self,
        tenant_id: str,
        period: Period,
        *,
        category: str,
        channel: int,
        template_name: str,
        limit: int,
    ) -> list[asyncpg.Record]:
        """Returns up to `limit` combinations of interval, category, channel and template."""
        found: list[asyncpg.Record] = []
        places = 0
        for part in period.parts(_PART):
            rows = await self.store.count_deliveries(
                tenant_id,
                part,
                category=category,
                channel=channel,
                template_name=template_name,
                limit=limit - places,
            )
            found += rows
            places += rows[-1]["place"] if rows else 0
            if places >= limit:
                break
        return found
