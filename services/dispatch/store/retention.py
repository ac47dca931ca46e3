"""What of dispatch's tables is over, and how far back the ledger knows."""

from __future__ import annotations

from datetime import datetime

from libs.clock import lowest_id
from libs.postgres.batches import delete_in_batches
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from libs.postgres.week_partitions import EndedRows, WeekPartitions, change_table

_SQL = load_queries("services.dispatch")

_DELETE = 1_000


def ledger_weeks(pool: Pool) -> WeekPartitions:
    """Returns the weeks of the ledger."""
    return WeekPartitions(
        pool,
        table="dispatch.deliveries",
        ended=EndedRows(
            kept=_SQL["any_delivery_kept"],
            written_since=_SQL["any_delivery_written"],
            delete=_SQL["delete_ended_deliveries"],
        ),
    )


class RetentionStore:
    """Deletes in batches what can never matter again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def raise_floor(self, *, messages_before: datetime, expired_before: datetime) -> bool:
        """Commits that deliveries of older messages that expired before then may be deleted: nobody enters
        them again after this returned true. The floor never sinks."""

        async def work(connection: Connection) -> bool:
            await connection.execute(_SQL["lock_floor"])
            await connection.execute(
                _SQL["raise_floor"], lowest_id(messages_before), expired_before
            )
            return True

        return bool(await change_table(self._pool, "dispatch.floor", work))

    async def delete_dead_letters(self, *, before: datetime) -> None:
        """Deletes dead letters stored before then."""
        await delete_in_batches(
            self._pool, _SQL["delete_old_dead_letters"], lowest_id(before), limit=_DELETE
        )

    async def delete_incarnations(self, *, dead_since: datetime) -> None:
        """Deletes processes whose lease ended before then."""
        await delete_in_batches(
            self._pool, _SQL["delete_dead_incarnations"], dead_since, limit=_DELETE
        )
