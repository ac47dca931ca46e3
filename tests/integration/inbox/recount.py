"""Counts inboxes anew, from their items."""

from __future__ import annotations

import asyncpg

_DRIFT = """
SELECT head.recipient_id
FROM inbox.heads AS head
LEFT JOIN LATERAL (
    SELECT count(*) AS total, count(*) FILTER (WHERE read_time IS NULL) AS unread,
        coalesce(max(sequence), 0) AS sequence
    FROM inbox.items AS item
    WHERE item.tenant_id = head.tenant_id AND item.recipient_id = head.recipient_id
) AS counted ON true
WHERE (head.total, head.unread, head.sequence)
    <> (counted.total, counted.unread, counted.sequence)
"""


async def drifted(database: asyncpg.Connection) -> list[str]:
    """Returns the recipients whose head is not what their items say."""
    return [row["recipient_id"] for row in await database.fetch(_DRIFT)]
