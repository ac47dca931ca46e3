"""The embedded parts as a server uses them: open them, get addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from libs.embedded.binaries import postgres_binaries, valkey_program
from libs.embedded.create_database import create_database
from libs.embedded.data_directory import DataDirectory
from libs.embedded.errors import DataDirectoryUnusableError, PartFailedError, PartNotOpenedError
from libs.embedded.order import PartOrder
from libs.embedded.passwords import password
from libs.embedded.ports import HOST
from libs.embedded.postgres import DATABASE, USER
from libs.embedded.supervision import Supervision, open_supervision


class Parts:
    """Addresses of the opened parts; they stay the same when a part is restarted."""

    def __init__(self, directory: DataDirectory, supervision: Supervision | None) -> None:
        self._directory = directory
        self._supervision = supervision

    @property
    def database_url(self) -> str:
        """Address of the database, with its password. Raises PartNotOpenedError."""
        secret = self._password("postgres")
        # Saying that there is no TLS spares clients a question and a look at files in their home.
        return (
            f"postgresql://{USER}:{secret}@{HOST}:{self._port('postgres')}/{DATABASE}"
            "?sslmode=disable"
        )

    @property
    def redis_url(self) -> str:
        """Address of Valkey, with its password. Raises PartNotOpenedError."""
        return f"redis://:{self._password('valkey')}@{HOST}:{self._port('valkey')}/0"

    @property
    def process_ids(self) -> dict[str, int]:
        """The processes running now: `supervisor`, `postgres`, `valkey`."""
        if self._supervision is None or self._supervision.pid is None:
            return {}
        pids = {name: part.pid for name, part in self._supervision.running.items()}
        return {"supervisor": self._supervision.pid, **pids}

    def _port(self, name: str) -> int:
        if self._supervision is None or name not in self._supervision.running:
            raise PartNotOpenedError(name)
        return self._supervision.running[name].port

    def _password(self, name: str) -> str:
        return password(self._directory.folder(name))


@asynccontextmanager
async def open_parts(
    directory: DataDirectory, *, postgres: bool = True, valkey: bool = True
) -> AsyncIterator[Parts]:
    """Run the wanted parts until left; a part that dies meanwhile comes back at the same address.

    Raises PartFailedError, BinariesMissingError or DataDirectoryUnusableError.
    """
    orders = _orders(directory, postgres=postgres, valkey=valkey)
    if not orders:
        yield Parts(directory, None)
        return
    async with open_supervision(directory, orders) as supervision:
        parts = Parts(directory, supervision)
        if postgres:
            await _create_database(directory, parts.database_url)
        yield parts


async def _create_database(directory: DataDirectory, url: str) -> None:
    try:
        await create_database(url)
    except (OSError, asyncpg.PostgresError) as error:
        log = directory.path / "postgres" / "server.log"
        raise PartFailedError("postgres", str(error), log) from error


def _orders(directory: DataDirectory, *, postgres: bool, valkey: bool) -> dict[str, PartOrder]:
    orders = {}
    if postgres:
        orders["postgres"] = PartOrder(binaries=str(postgres_binaries()))
    if valkey:
        orders["valkey"] = PartOrder(binaries=str(valkey_program()))
    try:
        for name in orders:
            password(directory.folder(name))
    except OSError as error:
        raise DataDirectoryUnusableError(directory.path, str(error)) from error
    return orders
