"""Migrations as a job: `tidings migrate` applies them, services that must not are stopped."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from cli.errors import CommandError
from cli.migrating import migrate_all, refuse_unmigrated
from cli.serve import SERVICE_NAMES, ServeOptions, open_cluster
from libs.config import SettingError


async def run_migrate(database_url: str) -> dict[str, list[str]]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("tidings")),
        "migrate",
        "--output=json",
        env={"TIDINGS_DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    applied: dict[str, list[str]] = json.loads(said)["applied"]
    return applied


async def schemas(database_url: str) -> set[str]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT nspname FROM pg_namespace")
        return {row["nspname"] for row in rows} & set(SERVICE_NAMES)
    finally:
        await connection.close()


async def worker(database_url: str) -> str:
    """Returns the address for a role that may read and write, and create nothing."""
    name = f"worker_{uuid4().hex}"
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'worker'")
    for schema in SERVICE_NAMES:
        await connection.execute(
            f"GRANT USAGE ON SCHEMA {schema} TO {name};"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {name};"
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {name}"
        )
    await connection.close()
    return re.sub("//.*@", f"//{name}:worker@", database_url)


async def test_services_wait_for_the_job(database_url: str, redis_url: str, tmp_path: Path) -> None:
    environ = {
        "TIDINGS_DATABASE_URL": database_url,
        "TIDINGS_REDIS_URL": redis_url,
        "TIDINGS_CLUSTER_SECRET": "a cluster secret for the tests only",
        "TIDINGS_MIGRATE": "off",
    }
    options = ServeOptions(data_directory=tmp_path / "data", listen="127.0.0.1:0", environ=environ)
    with pytest.raises(SettingError, match="run `tidings migrate` first"):
        async with open_cluster(options):
            pass
    assert await schemas(database_url) == set()

    assert set(await run_migrate(database_url)) == set(SERVICE_NAMES)
    assert not any((await run_migrate(database_url)).values())
    environ["TIDINGS_DATABASE_URL"] = await worker(database_url)
    async with open_cluster(options) as cluster:
        assert cluster.public_address

    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM inbox.migrations")
    await connection.close()
    await refuse_unmigrated(["access"], database_url)
    with pytest.raises(SettingError, match="inbox"):
        await refuse_unmigrated(SERVICE_NAMES, database_url)


async def test_an_address_that_makes_no_sense_is_not_shown() -> None:
    with pytest.raises(CommandError, match="TIDINGS_DATABASE_URL cannot be read") as raised:
        await migrate_all(SERVICE_NAMES, "postgresql://user:sec:ret@127.0.0.1:ret/x")
    assert "ret@" not in str(raised.value)


async def test_a_database_that_is_away_is_one_sentence() -> None:
    with pytest.raises(CommandError, match=r"127.0.0.1:1 does not answer"):
        await migrate_all(SERVICE_NAMES, "postgresql://user:secret@127.0.0.1:1/x")
