"""Deleting much without holding anything for long."""

from __future__ import annotations

from libs.postgres.pool import Pool


async def delete_in_batches(pool: Pool, statement: str, *arguments: object, limit: int) -> int:
    """Repeats a DELETE, whose last argument is the limit, until it finds less than that; returns how
    many rows went."""
    total = 0
    while True:
        status = await pool.execute(statement, *arguments, limit)
        count = int(status.rsplit(" ", 1)[1])
        total += count
        if count < limit:
            return total
