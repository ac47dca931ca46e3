"""Forward-only migrations: `sql/migrations/NNNN_what.sql` of a service, each applied once."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from libs.postgres.pool import Pool


async def migrate(pool: Pool, *, package: str, schema: str) -> None:
    """Brings a service's schema up to date; processes that start at once wait for one another.

    Raises RuntimeError when an applied migration was edited since.
    """
    folder = files(package) / "sql" / "migrations"
    scripts = sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir())
    # CREATE SCHEMA IF NOT EXISTS races in the catalogue, so the lock is for all schemas.
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('tidings.migrate'))")
        await connection.execute(
            f"CREATE SCHEMA IF NOT EXISTS {schema};"
            f"CREATE TABLE IF NOT EXISTS {schema}.migrations"
            "(name text PRIMARY KEY, digest text NOT NULL,"
            " apply_time timestamptz NOT NULL DEFAULT now())"
        )
        rows = await connection.fetch(f"SELECT name, digest FROM {schema}.migrations")  # noqa: S608 - our own name
        applied = {row["name"]: row["digest"] for row in rows}
        for name, script in scripts:
            digest = hashlib.sha256(script.encode()).hexdigest()
            if name not in applied:
                await connection.execute(script)
                await connection.execute(
                    f"INSERT INTO {schema}.migrations(name, digest) VALUES ($1, $2)",  # noqa: S608 - our own name
                    name,
                    digest,
                )
            elif applied[name] != digest:
                raise RuntimeError(f"{schema}: migration {name} was edited after it was applied")
