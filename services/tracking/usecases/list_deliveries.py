"""Lists deliveries."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from libs.paging import IdRange, Page, PageRequest
from services.tracking.domain.listing import DeliveryFilter
from services.tracking.store.reports import ReportStore

_SCAN = 2_000


@dataclass(frozen=True, slots=True)
class ListDeliveries:
    """Newest first. A selective filter ends a page after so many rows, not after so many matches."""

    store: ReportStore

    async def __call__(
        self, tenant_id: str, wanted: DeliveryFilter, page: PageRequest
    ) -> Page[asyncpg.Record]:
        """Returns a page; raises InvalidPageToken."""
        ids = IdRange.of(page, since=wanted.accept_time_from, until=wanted.accept_time_until)
        rows = await self.store.list_deliveries(
            tenant_id, wanted, ids, scan=_SCAN, limit=page.limit
        )
        return Page.cut_scanned(
            rows,
            page,
            key=lambda row: str(row["delivery_id"]),
            matches=lambda row: row["matches"],
            ends_scan=lambda row: row["place"] == _SCAN,
        )
