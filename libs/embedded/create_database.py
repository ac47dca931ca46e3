"""Sees to it that the server's database exists."""

from __future__ import annotations

from urllib.parse import urlsplit

import asyncpg


async def create_database(url: str) -> None:
    """Create the database that `url` names unless it is there."""
    address = urlsplit(url)
    name = address.path.removeprefix("/")
    connection = await asyncpg.connect(address._replace(path="/postgres").geturl())
    try:
        known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
        if known is None:
            # A name cannot be a parameter; this one is ours, quoted all the same.
            quoted = name.replace('"', '""')
            await connection.execute(f'CREATE DATABASE "{quoted}"')
    finally:
        await connection.close()
