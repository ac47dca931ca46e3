"""The table of preferences."""

from __future__ import annotations

from collections.abc import Sequence

from libs.errors import InvalidPageToken
from libs.paging import PageRequest
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from services.preference.domain.errors import CategoryNotFound, RecipientNotFound
from services.preference.domain.filters import PreferenceFilter
from services.preference.domain.models import (
    ListedPreference,
    PreferenceChange,
    RecipientPreferences,
)
from services.preference.store.rows import preference_from_row

_SQL = load_queries("services.preference")
# Stands in no id, category or channel.
_SEPARATOR = "\n"


class PreferenceStore:
    """Keeps what recipients want. What changes it runs in its caller's transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def lock(
        self, connection: Connection, tenant_id: str, recipient_id: str
    ) -> RecipientPreferences:
        """Returns what a recipient has set, which nobody else adds to until the transaction ends.

        Raises RecipientNotFound.
        """
        known = await connection.fetchval(_SQL["lock_recipient"], tenant_id, recipient_id)
        if not known:
            raise RecipientNotFound(recipient_id)
        return await _read(connection, tenant_id, recipient_id)

    async def change(
        self,
        connection: Connection,
        tenant_id: str,
        recipient_id: str,
        changes: Sequence[PreferenceChange],
        *,
        replace: bool,
    ) -> RecipientPreferences:
        """Sets and clears preferences of a locked recipient, with `replace` all that are not named, and
        returns what is set then; raises CategoryNotFound."""
        # Held before preferences are touched, as who deletes a category does: they cannot deadlock.
        await _hold_categories(connection, tenant_id, changes)
        if replace:
            await connection.execute(_SQL["clear_all_preferences"], tenant_id, recipient_id)
        await _apply(connection, tenant_id, recipient_id, changes)
        return await _read(connection, tenant_id, recipient_id)

    async def get(self, tenant_id: str, recipient_id: str) -> RecipientPreferences:
        """Returns what a recipient has set; raises RecipientNotFound."""
        with database():
            async with self._pool.acquire() as connection:
                known = await connection.fetchval(_SQL["recipient_exists"], tenant_id, recipient_id)
                if not known:
                    raise RecipientNotFound(recipient_id)
                return await _read(connection, tenant_id, recipient_id)

    async def list_page(
        self, tenant_id: str, wanted: PreferenceFilter, page: PageRequest
    ) -> list[ListedPreference]:
        """Returns those of a page, by recipient, category and channel; raises InvalidPageToken."""
        arguments = (
            tenant_id,
            *_position(page.after),
            wanted.channel and wanted.channel.value,
            wanted.choice and wanted.choice.value,
            page.limit,
        )
        with database():
            if wanted.category is None:
                rows = await self._pool.fetch(_SQL["list_preferences"], *arguments)
            else:
                rows = await self._pool.fetch(
                    _SQL["list_preferences_about"], *arguments, wanted.category
                )
        return [
            ListedPreference(recipient_id=row["recipient_id"], preference=preference_from_row(row))
            for row in rows
        ]

    @staticmethod
    def key_of(listed: ListedPreference) -> str:
        """Returns the place of a preference in lists."""
        word = listed.preference
        channel = word.channel.value if word.channel else ""
        return _SEPARATOR.join((listed.recipient_id, word.category or "", channel))


def _position(key: str) -> tuple[str, str, str]:
    if not key:
        return "", "", ""
    match key.split(_SEPARATOR):
        case [recipient_id, category, channel]:
            return recipient_id, category, channel
    raise InvalidPageToken


async def _hold_categories(
    connection: Connection, tenant_id: str, changes: Sequence[PreferenceChange]
) -> None:
    named = [change.category for change in changes if change.category is not None]
    if not named:
        return
    rows = await connection.fetch(_SQL["hold_categories"], tenant_id, named)
    held = {row["name"] for row in rows}
    for category in named:
        if category not in held:
            raise CategoryNotFound(category)


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


async def _read(connection: Connection, tenant_id: str, recipient_id: str) -> RecipientPreferences:
    rows = await connection.fetch(_SQL["get_preferences"], tenant_id, recipient_id)
    return RecipientPreferences(preferences=tuple(preference_from_row(row) for row in rows))
