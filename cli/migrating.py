"""Brings the services' schemas up to date, or refuses to serve before that was done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from cli.errors import CommandError
from libs.config import SettingError
from libs.postgres.migrations import MigrationEdited, migrate, missing_migrations
from libs.postgres.pool import Pool, open_pool


async def migrate_all(names: Sequence[str], database_url: str) -> dict[str, list[str]]:
    """Returns what was applied, by service. Raises CommandError when the database is not there."""
    async with _pool(database_url) as pool:
        return {
            name: await migrate(pool, package=f"services.{name}", schema=name) for name in names
        }


async def refuse_unmigrated(names: Sequence[str], database_url: str) -> None:
    """Raises SettingError when a service's schema is not what the service needs, CommandError when
    the database is not there, which without names is all that is looked at."""
    async with _pool(database_url) as pool:
        for name in names:
            if await missing_migrations(pool, package=f"services.{name}", schema=name):
                raise SettingError(
                    f"the schema of {name} is not up to date, and TIDINGS_MIGRATE is off:"
                    " run `tidings migrate` first"
                )


@asynccontextmanager
async def _pool(database_url: str) -> AsyncIterator[Pool]:
    try:
        async with open_pool(database_url, application="migrate", max_size=1) as pool:
            yield pool
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
        where = urlsplit(database_url).netloc.rpartition("@")[2]
        raise CommandError(f"PostgreSQL at {where} does not answer: {error}") from None
    except asyncpg.PostgresError as error:
        raise CommandError(f"PostgreSQL refuses: {error}") from None
    except (asyncpg.InterfaceError, ValueError):
        # Its text may hold a piece of the password.
        raise CommandError(
            "TIDINGS_DATABASE_URL cannot be read; write postgresql://user:password@host:5432/database,"
            " with whatever is special in the password as %XX"
        ) from None
    except MigrationEdited as error:
        raise CommandError(str(error)) from None
