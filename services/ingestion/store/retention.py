"""What of ingestion's tables is over."""

from __future__ import annotations

from datetime import datetime

from libs.clock import lowest_id
from libs.postgres.batches import delete_in_batches
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.week_partitions import EndedRows, WeekPartitions

_SQL = load_queries("services.ingestion")

_DELETE = 1_000


def notification_weeks(pool: Pool) -> WeekPartitions:
    """Returns the weeks of the notifications."""
    return WeekPartitions(
        pool,
        table="ingestion.notifications",
        ended=EndedRows(
            kept=_SQL["any_notification_kept"],
            # A notification is born in its week.
            written_since=None,
            delete=_SQL["delete_ended_notifications"],
        ),
    )


class RetentionStore:
    """Deletes in batches what can never matter again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def delete_requests(self, *, before: datetime) -> None:
        """Deletes request ids accepted before then."""
        await delete_in_batches(self._pool, _SQL["delete_old_requests"], before, limit=_DELETE)

    async def delete_collapse_keys(self, *, before: datetime, expired_before: datetime) -> None:
        """Deletes keys of notifications that were accepted before then and that no send can amend."""
        last, count = ("", "", ""), _DELETE
        while count == _DELETE:
            rows = await self._pool.fetch(
                _SQL["delete_dead_collapse_keys"], lowest_id(before), expired_before, *last, _DELETE
            )
            count = len(rows)
            last = max((tuple(row) for row in rows), default=last)

    async def delete_stopped_plans(self, *, before: datetime, expired_before: datetime) -> None:
        """Deletes plans of notifications accepted before then, of which dispatch has stopped all there was."""
        statement = _SQL["delete_finished_stopped_plans"]
        bounds = lowest_id(before), expired_before
        await delete_in_batches(self._pool, statement, *bounds, limit=_DELETE)

    async def delete_incarnations(self, *, dead_since: datetime) -> None:
        """Deletes processes whose lease ended before then."""
        await delete_in_batches(
            self._pool, _SQL["delete_dead_incarnations"], dead_since, limit=_DELETE
        )
