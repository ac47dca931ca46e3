"""Cancellations, and plans whose deliveries must not leave any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction
from services.ingestion.domain.models import (
    CancelledNotification,
    NotificationState,
    StoppedPlan,
)

_SQL = load_queries("services.ingestion")

_OPEN = (NotificationState.ACCEPTED, NotificationState.SCHEDULED, NotificationState.PLANNED)


class StoppingStore:
    """What was stopped here and dispatch has to know."""

    def __init__(self, pool: Pool, *, ask_again: timedelta) -> None:
        self._pool = pool
        self._ask_again = ask_again

    async def find_collapse_key(
        self, tenant_id: str, recipient_id: str, collapse_key: str
    ) -> UUID | None:
        """Returns the notification that a collapse key names."""
        with database():
            found: UUID | None = await self._pool.fetchval(
                _SQL["find_collapse_key"], tenant_id, recipient_id, collapse_key
            )
        return found

    async def cancel(
        self, notification_id: UUID, *, tenant_id: str
    ) -> CancelledNotification | None:
        """Commits that nothing of a notification shall leave any more; None when there is none.

        What had ended before stays as it is; what was planned is to be stopped by dispatch.
        """

        async def work(connection: Connection) -> CancelledNotification | None:
            row = await connection.fetchrow(_SQL["lock_for_cancelling"], notification_id, tenant_id)
            if row is None:
                return None
            state = NotificationState(row["state"])
            if state in _OPEN:
                await connection.execute(_SQL["insert_stopped_plans"], [notification_id])
                await connection.execute(_SQL["cancel_notification"], notification_id)
                state = NotificationState.CANCELLED
            return CancelledNotification(
                notification_id=notification_id,
                tenant_id=tenant_id,
                revision=row["revision"],
                state=state,
                plan=row["plan"],
                expire_time=row["expire_time"],
                recipient_id=row["recipient_id"],
                category=row["category"],
                template_name=row["template_name"],
                template_version=row["template_version"],
                accept_time=row["accept_time"],
            )

        return await in_transaction(self._pool, work)

    async def take_due(self, *, limit: int) -> list[StoppedPlan]:
        """Returns plans that dispatch is still to be asked to stop."""
        rows = await self._pool.fetch(_SQL["take_stopped_plans"], self._ask_again, limit)
        return [StoppedPlan(**dict(row)) for row in rows]

    async def finish(
        self, plans: Sequence[tuple[UUID, int]], left_masks: Sequence[tuple[UUID, int]]
    ) -> None:
        """Closes plans (notification, revision) of which nothing is open any more; notes on which
        channels each notification has left for good."""

        async def work(connection: Connection) -> None:
            await connection.execute(
                _SQL["finish_stopped_plans"],
                [notification_id for notification_id, _ in plans],
                [revision for _, revision in plans],
            )
            await connection.execute(
                _SQL["finish_stopping"],
                [notification_id for notification_id, _ in left_masks],
                [mask for _, mask in left_masks],
            )

        await in_transaction(self._pool, work)
