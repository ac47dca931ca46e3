"""Tables partitioned by week on ids that carry their time, and the weeks' ends.

The table has a DEFAULT partition `<table>_default`, and weeks named `<table>_YYYYMMDD` by their Monday, in UTC. Statements
about the rows of one partition are the service's own, with `{partition}` for its name.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg

from libs.clock import lowest_id
from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection, Result

_log = logging.getLogger(__name__)

_WEEK = timedelta(days=7)
_AHEAD = 1
# Whoever waits for the table's lock holds up all who come after, so not for long.
_LOCK_TIMEOUT = "200ms"
_ATTEMPTS = 10
_PAUSE_S = 0.5
_SCAN_SECONDS = 600
_DELETE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRows:
    """Statements about the rows of one partition that may be deleted. What may be stays so."""

    kept: str
    """Whether there is any other row; takes the criteria."""
    written_since: str | None
    """Whether there is a row that was written after the scan of `kept`; takes the criteria. None when
    nothing is written to a week that is over."""
    delete: str
    """Deletes up to `$n+2` of them with ids above `$n+1`, locked in the order of the ids, and returns the
    ids; takes the n criteria first."""


def id_bounds(ids: Sequence[UUID]) -> tuple[UUID, UUID]:
    """Returns the lowest and the highest: a statement that names them too leaves other weeks alone."""
    return (min(ids), max(ids)) if ids else (UUID(int=0), UUID(int=0))


async def change_table(
    pool: Pool, table: str, work: Callable[[Connection], Awaitable[Result]]
) -> Result | None:
    """Runs a change that locks the whole table and gives way to those who use it; None when they left
    no gap."""
    for _ in range(_ATTEMPTS):
        try:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtext('tidings.weeks'), hashtext($1))", table
                )
                return await work(connection)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(random.uniform(0, _PAUSE_S))
    _log.warning("table_too_busy", extra={"table": table})
    return None


class WeekPartitions:
    """The weeks of one table. Several processes may do all of this at once."""

    def __init__(self, pool: Pool, *, table: str, ended: EndedRows) -> None:
        self._pool = pool
        self._table = table
        self._ended = ended

    async def keep(self, now: datetime) -> None:
        """Sees that this week and the next have a partition; weeks that are over get none any more."""
        there = set(await self._weeks())
        today = now.astimezone(UTC).date()
        monday = today - timedelta(days=today.weekday())
        for week in (monday + _WEEK * number for number in range(_AHEAD + 1)):
            if week not in there:
                await self._create(week)

    async def delete_ended(self, *, over_before: datetime, criteria: Sequence[object]) -> None:
        """Drops weeks over before then in which every row has ended; deletes what has ended from the
        others, and from the DEFAULT partition."""
        for week in await self._weeks():
            if _begin(week + _WEEK) > over_before:
                continue
            name = self._name(week)
            kept = self._ended.kept.replace("{partition}", name)
            try:
                if await self._pool.fetchval(kept, *criteria, timeout=_SCAN_SECONDS):
                    await self._delete(name, criteria)
                else:
                    await self._drop(name, criteria)
            except asyncpg.InsufficientPrivilegeError:
                await self._delete(name, criteria)
            except asyncpg.UndefinedTableError:
                _log.info("week_gone_meanwhile", extra={"partition": name})
        await self._delete(f"{self._table}_default", criteria)

    async def _weeks(self) -> list[date]:
        rows = await self._pool.fetch(
            "SELECT c.relname FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid"
            " WHERE inhparent = $1::text::regclass ORDER BY c.relname",
            self._table,
        )
        names = [row["relname"].rpartition("_")[2] for row in rows]
        return [datetime.strptime(n, "%Y%m%d").date() for n in names if n.isdigit()]  # noqa: DTZ007 - a date

    async def _create(self, week: date) -> None:
        bounds = lowest_id(_begin(week)), lowest_id(_begin(week + _WEEK))

        async def create(connection: Connection) -> None:
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._name(week)} PARTITION OF {self._table}"
                f" FOR VALUES FROM ('{bounds[0]}') TO ('{bounds[1]}')"
            )

        try:
            await change_table(self._pool, self._table, create)
        except asyncpg.CheckViolationError:
            # It has begun without a partition. Its rows are no worse off where they are.
            _log.warning("week_stays_in_default", extra={"partition": self._name(week)})
        except asyncpg.InsufficientPrivilegeError:
            # Whoever may only read and write has one partition for all: ended rows are deleted one by one.
            _log.warning("week_needs_the_owner", extra={"partition": self._name(week)})

    async def _drop(self, name: str, criteria: Sequence[object]) -> None:
        async def drop(connection: Connection) -> bool:
            # First the parent, as everybody does, for whom it is closed from here on.
            await connection.execute(f"LOCK TABLE ONLY {self._table} IN ACCESS EXCLUSIVE MODE")
            if self._ended.written_since is not None:
                since = self._ended.written_since.replace("{partition}", name)
                if await connection.fetchval(since, *criteria):
                    return False
            await connection.execute(f"DROP TABLE {name}")
            return True

        if await change_table(self._pool, self._table, drop):
            _log.info("week_dropped", extra={"partition": name})

    async def _delete(self, name: str, criteria: Sequence[object]) -> None:
        statement = self._ended.delete.replace("{partition}", name)
        last, count = UUID(int=0), _DELETE
        while count == _DELETE:
            rows = await self._pool.fetch(statement, *criteria, last, _DELETE)
            count = len(rows)
            last = max((row[0] for row in rows), default=last)

    def _name(self, week: date) -> str:
        return f"{self._table}_{week:%Y%m%d}"


def _begin(week: date) -> datetime:
    return datetime(week.year, week.month, week.day, tzinfo=UTC)
