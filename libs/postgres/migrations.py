"""Forward-only migrations: `sql/migrations/NNNN_what.sql` of a service, each applied once."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection


class MigrationEdited(Exception):
    """A migration is not what was applied."""

    def __init__(self, schema: str, name: str) -> None:
        super().__init__(f"{schema}: migration {name} was edited after it was applied")


async def migrate(pool: Pool, *, package: str, schema: str) -> list[str]:
    """Brings a service's schema up to date; processes that start at once wait for one another.

    Returns the names of what was applied, in order. Raises MigrationEdited.
    """
    # Looking needs no lock, and no right to create anything.
    if not await missing_migrations(pool, package=package, schema=schema):
        return []
    # CREATE SCHEMA IF NOT EXISTS races in the catalogue, so the lock is for all schemas.
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('tidings.migrate'))")
        await connection.execute(
            f"CREATE SCHEMA IF NOT EXISTS {schema};"
            f"CREATE TABLE IF NOT EXISTS {schema}.migrations"
            "(name text PRIMARY KEY, digest text NOT NULL,"
            " apply_time timestamptz NOT NULL DEFAULT now())"
        )
        missing = await _missing(connection, package=package, schema=schema)
        for name, script in missing.items():
            await connection.execute(script)
            await connection.execute(
                f"INSERT INTO {schema}.migrations(name, digest) VALUES ($1, $2)",  # noqa: S608 - our own name
                name,
                _digest(script),
            )
    return list(missing)


async def missing_migrations(pool: Pool, *, package: str, schema: str) -> list[str]:
    """Returns the names of what `migrate` would apply; raises what it raises. Changes nothing."""
    async with pool.acquire() as connection:
        return list(await _missing(connection, package=package, schema=schema))


async def _missing(connection: Connection, *, package: str, schema: str) -> dict[str, str]:
    """Returns the scripts that are not applied yet, by name, in order."""
    folder = files(package) / "sql" / "migrations"
    scripts = dict(sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir()))
    if not await connection.fetchval("SELECT to_regclass($1)", f"{schema}.migrations"):
        return scripts
    rows = await connection.fetch(f"SELECT name, digest FROM {schema}.migrations")  # noqa: S608 - our own name
    applied = {row["name"]: row["digest"] for row in rows}
    for name, script in scripts.items():
        if applied.get(name, _digest(script)) != _digest(script):
            raise MigrationEdited(schema, name)
    return {name: script for name, script in scripts.items() if name not in applied}


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()
