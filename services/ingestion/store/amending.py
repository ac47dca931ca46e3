"""Sends with a live collapse key amend the notification that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection
from libs.postgres.week_partitions import id_bounds
from services.ingestion.domain.models import Acceptance, Accepted
from services.ingestion.store.columns import notification_columns

_SQL = load_queries("services.ingestion")

Target = tuple[Acceptance, UUID]
"""A send, and the notification that its collapse key names."""


async def amend_live(connection: Connection, batch: Sequence[Acceptance]) -> dict[UUID, Accepted]:
    """Amends what the batch's collapse keys name and is alive, as its next revision.

    Returns what was amended by the ids minted for the sends. From here on each key names the
    notification of its last send.
    """
    keyed = [item for item in batch if item.notification.collapse_key]
    if not keyed:
        return {}
    targets = await _lock_targets(connection, keyed)
    named = [target for _, target in targets]
    rows = await connection.fetch(_SQL["lock_live"], named, *id_bounds(named))
    revisions = {row["notification_id"]: row["revision"] for row in rows}
    dead = [item for item, target in targets if target not in revisions]
    if dead:
        await connection.execute(_SQL["redirect_collapse_keys"], *_keys(dead), _minted(dead))
    alive = [(item, target) for item, target in targets if target in revisions]
    if alive:
        await _amend(connection, alive, revisions)
    return {
        item.notification.notification_id: Accepted(
            notification_id=target, revision=revisions[target] + 1
        )
        for item, target in alive
    }


async def _lock_targets(connection: Connection, keyed: Sequence[Acceptance]) -> list[Target]:
    keys = _keys(keyed)
    named: dict[tuple[str, ...], UUID] = {}
    # Again if a key that nothing alive has was deleted between the two statements.
    while len(named) < len(keyed):
        await connection.execute(_SQL["insert_collapse_keys"], *keys, _minted(keyed))
        named = {
            (row["tenant_id"], row["recipient_id"], row["collapse_key"]): row["notification_id"]
            for row in await connection.fetch(_SQL["lock_collapse_keys"], *keys)
        }
    return [(item, named[key]) for item, key in zip(keyed, zip(*keys, strict=True), strict=True)]


async def _amend(
    connection: Connection, alive: Sequence[Target], revisions: Mapping[UUID, int]
) -> None:
    targets = [target for _, target in alive]
    await connection.execute(_SQL["insert_stopped_plans"], targets)
    amended = [
        replace(item, notification=replace(item.notification, notification_id=target))
        for item, target in alive
    ]
    await connection.execute(_SQL["amend_notifications"], *notification_columns(amended))
    await connection.execute(
        _SQL["redirect_requests"],
        [item.submission.tenant_id for item, _ in alive],
        [item.submission.request_id for item, _ in alive],
        targets,
        [revisions[target] + 1 for target in targets],
    )


def _keys(items: Sequence[Acceptance]) -> list[list[str]]:
    return [
        [item.notification.tenant_id for item in items],
        [item.notification.recipient_id for item in items],
        [item.notification.collapse_key for item in items],
    ]


def _minted(items: Sequence[Acceptance]) -> list[UUID]:
    return [item.notification.notification_id for item in items]
