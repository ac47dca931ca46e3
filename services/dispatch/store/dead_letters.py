"""What could not be worked on, with its original bytes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.dispatch.domain.models import DeadLetter

_SQL = load_queries("services.dispatch")
_HIGHEST = UUID(int=(1 << 128) - 1)

SCAN = 2_000
"""How many rows a page looks at, at most."""


class DeadLetterStore:
    """Dead letters; storing one again changes nothing."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, connection: Connection, letters: Sequence[DeadLetter]) -> None:
        """Stores dead letters in the caller's transaction."""
        await connection.execute(
            _SQL["insert_dead_letters"],
            [letter.dead_letter_id for letter in letters],
            [letter.tenant_id for letter in letters],
            [letter.reason.value for letter in letters],
            [letter.detail for letter in letters],
            [letter.delivery_id for letter in letters],
            [letter.notification_id for letter in letters],
            [letter.channel for letter in letters],
            [letter.body for letter in letters],
        )

    async def list_newest(
        self,
        tenant_id: str,
        *,
        before: UUID | None,
        limit: int,
        reason: int = 0,
        channel: int = 0,
    ) -> list[asyncpg.Record]:
        """Looks at up to SCAN of a tenant's dead letters older than `before`, newest first, and returns up to
        `limit` that `matches`; the last one looked at, at the `place` of SCAN, comes along in any case.

        Those match that are of this `reason` and `channel`, unless that is 0.
        """
        with database():
            return await self._pool.fetch(
                _SQL["list_dead_letters"],
                tenant_id,
                before or _HIGHEST,
                limit,
                reason,
                channel,
                SCAN,
            )
