"""Endpoints that said that they are gone, until preference knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.dispatch.domain.models import Decision, GoneEndpoint

_SQL = load_queries("services.dispatch")


async def add_gone_endpoints(connection: Connection, decisions: Sequence[Decision]) -> None:
    """Notes endpoints in the transaction that settles the deliveries which found out."""
    await connection.execute(
        _SQL["add_gone_endpoints"],
        [d.delivery.task.delivery_id for d in decisions],
        [d.delivery.tenant_id for d in decisions],
        [d.delivery.task.recipient_id for d in decisions],
        [d.delivery.channel for d in decisions],
        [d.delivery.task.endpoint for d in decisions],
        [d.gone_call_time for d in decisions],
    )


class GoneEndpointStore:
    """What is still to be told."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, *, limit: int, again_after: timedelta) -> list[GoneEndpoint]:
        """Returns what is due; what is not deleted is due again after that time."""
        with database():
            rows = await self._pool.fetch(_SQL["take_gone_endpoints"], again_after, limit)
        return [GoneEndpoint(**row) for row in rows]

    async def delete(self, endpoints: Sequence[GoneEndpoint]) -> None:
        """Forgets what was told."""
        with database():
            await self._pool.execute(
                _SQL["delete_gone_endpoints"], [endpoint.delivery_id for endpoint in endpoints]
            )
