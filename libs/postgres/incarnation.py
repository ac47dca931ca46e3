"""A process incarnation: the owner of claims, alive as long as it renews its lease.

The table is `<schema>.incarnations(incarnation_id uuid, expire_time timestamptz)`; its times are the
database's. Claims name an incarnation; a claim whose incarnation has no live row is an orphan.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

from libs.postgres.pool import Pool

_log = logging.getLogger(__name__)


class Incarnation:
    """The lease of one service in one process. An expired one takes a new id."""

    def __init__(
        self,
        pool: Pool,
        *,
        schema: str,
        lease: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._schema = schema
        self._lease = lease
        self._monotonic = monotonic
        self._reachable_since: float | None = None
        self.incarnation_id: UUID = uuid4()

    async def begin(self, *, sole: bool) -> None:
        """Registers the incarnation. `sole`: something else proves that all older ones are dead."""
        self._reachable_since = self._monotonic()
        if sole:
            # The dead renew nothing: there is no need to watch for a lease whether they do.
            self._reachable_since -= self._lease.total_seconds()
            await self._pool.execute(f"DELETE FROM {self._schema}.incarnations")  # noqa: S608 - our own name
        await self._register()

    async def renew(self) -> None:
        """Prolongs the lease; call it several times a lease."""
        try:
            await self._renew()
        except BaseException:
            self._reachable_since = None
            raise
        if self._reachable_since is None:
            self._reachable_since = self._monotonic()

    def may_judge(self) -> bool:
        """Whether the database was reachable for a whole lease, as far as we saw: only then does an
        expired lease mean a dead process, and not one that could not renew."""
        since = self._reachable_since
        return since is not None and self._monotonic() - since >= self._lease.total_seconds()

    async def _renew(self) -> None:
        renewed = await self._pool.fetchval(
            f"UPDATE {self._schema}.incarnations SET expire_time = now() + $2"  # noqa: S608 - our own name
            " WHERE incarnation_id = $1 AND expire_time > now() RETURNING true",
            self.incarnation_id,
            self._lease,
        )
        if not renewed:
            _log.warning("incarnation_expired", extra={"incarnation": str(self.incarnation_id)})
            self.incarnation_id = uuid4()
            await self._register()

    async def end(self) -> None:
        """Gives the lease up, so that others take over at once."""
        await self._pool.execute(
            f"DELETE FROM {self._schema}.incarnations WHERE incarnation_id = $1",  # noqa: S608 - our own name
            self.incarnation_id,
        )

    async def _register(self) -> None:
        await self._pool.execute(
            f"INSERT INTO {self._schema}.incarnations(incarnation_id, expire_time)"  # noqa: S608 - our own name
            " VALUES ($1, now() + $2)",
            self.incarnation_id,
            self._lease,
        )
