"""Tells a database that is away from a fault of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from libs.errors import DependencyUnavailable

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    OSError,
)


@contextmanager
def database() -> Iterator[None]:
    """Raises DependencyUnavailable in place of a driver error that says the database is away."""
    try:
        yield
    except _AWAY as error:
        raise DependencyUnavailable("postgresql") from error
    except asyncpg.InterfaceError as error:
        # The same family holds arguments of a wrong type, which are our own fault.
        if isinstance(error, ValueError):
            raise
        raise DependencyUnavailable("postgresql") from error
