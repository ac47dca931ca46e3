"""Counts deliveries and facts."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from services.tracking.domain.period import Period
from services.tracking.store.reports import ReportStore


@dataclass(frozen=True, slots=True)
class CountDeliveries:
    """From counts that are kept up to date, so that a year costs no more than its intervals."""

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
        return await self.store.count_deliveries(
            tenant_id,
            period,
            category=category,
            channel=channel,
            template_name=template_name,
            limit=limit,
        )
