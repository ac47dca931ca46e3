"""The table of preferences."""

from __future__ import annotations

from collections.abc import Sequence

from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.preference.domain.errors import CategoryNotFound, RecipientNotFound
from services.preference.domain.models import Preference, PreferenceChange
from services.preference.store.rows import preference_from_row

_SQL = load_queries("services.preference")


class PreferenceStore:
    """Keeps what recipients want."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def change(
        self, tenant_id: str, recipient_id: str, changes: Sequence[PreferenceChange]
    ) -> list[Preference]:
        """Sets and clears preferences and returns all; raises RecipientNotFound, CategoryNotFound."""

        with database():
            async with self._pool.acquire() as connection, connection.transaction():
                # The recipient's row is the only lock that changes wait for: they cannot deadlock.
                known = await connection.fetchval(_SQL["lock_recipient"], tenant_id, recipient_id)
                if not known:
                    raise RecipientNotFound(recipient_id)
                await _check_categories(connection, tenant_id, changes)
                await _apply(connection, tenant_id, recipient_id, changes)
                return await _read(connection, tenant_id, recipient_id)

    async def get(self, tenant_id: str, recipient_id: str) -> list[Preference]:
        """Returns what a recipient has set; raises RecipientNotFound."""
        with database():
            async with self._pool.acquire() as connection:
                known = await connection.fetchval(_SQL["recipient_exists"], tenant_id, recipient_id)
                if not known:
                    raise RecipientNotFound(recipient_id)
                return await _read(connection, tenant_id, recipient_id)


async def _check_categories(
    connection: Connection, tenant_id: str, changes: Sequence[PreferenceChange]
) -> None:
    named = [change.category for change in changes if change.category is not None]
    unknown = await connection.fetchval(_SQL["unknown_categories"], tenant_id, named)
    if unknown is not None:
        raise CategoryNotFound(unknown)


async def _apply(
    connection: Connection,
    tenant_id: str,
    recipient_id: str,
    changes: Sequence[PreferenceChange],
) -> None:
    cleared = [change for change in changes if change.choice is None]
    wanted = [change for change in changes if change.choice is not None]
    if cleared:
        await connection.execute(
            _SQL["clear_preferences"], tenant_id, recipient_id, *_scopes(cleared)
        )
    if wanted:
        choices = [change.choice.value for change in wanted if change.choice is not None]
        await connection.execute(
            _SQL["set_preferences"], tenant_id, recipient_id, *_scopes(wanted), choices
        )


def _scopes(changes: Sequence[PreferenceChange]) -> tuple[list[str], list[str]]:
    """Returns the categories and the channels, '' standing for every one."""
    return (
        [change.category or "" for change in changes],
        [change.channel.value if change.channel else "" for change in changes],
    )


async def _read(connection: Connection, tenant_id: str, recipient_id: str) -> list[Preference]:
    rows = await connection.fetch(_SQL["get_preferences"], tenant_id, recipient_id)
    return [preference_from_row(row) for row in rows]
