"""Opening the parts: what is there, what is kept, what is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from libs.embedded.data_directory import open_data_directory
from libs.embedded.errors import PartFailedError, PartNotOpenedError
from libs.embedded.parts import Parts, open_parts
from tests.integration.embedded.clients import pings, run
from tests.integration.embedded.processes import arguments, is_gone, with_descendants


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_data_directory(tmp_path) as directory, open_parts(directory) as first:
        await run(first.database_url, "CREATE TABLE kept AS SELECT 7 AS number")
        processes = with_descendants(first.process_ids["supervisor"])

    assert len(processes) > 3
    assert all(is_gone(pid) for pid in processes)

    async with open_data_directory(tmp_path) as directory, open_parts(directory) as second:
        assert await run(second.database_url, "SELECT number FROM kept") == 7
        assert (second.database_url, second.redis_url) == (first.database_url, first.redis_url)


async def test_the_database_is_durable_and_speaks_every_language(parts: Parts) -> None:
    shown = {
        name: await run(parts.database_url, f"SHOW {name}")
        for name in ("fsync", "synchronous_commit", "server_encoding", "timezone")
    }

    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "server_encoding": "UTF8",
        "timezone": "UTC",
    }
    assert await run(parts.database_url, "SELECT lower('ÄÖÉ')") == "äöé"


async def test_the_database_lets_nobody_in_without_the_password(parts: Parts) -> None:
    address = urlsplit(parts.database_url)

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host=address.hostname,
            port=address.port,
            user=address.username,
            password="guess",
            database="postgres",
            ssl=False,
        )


async def test_valkey_lets_nobody_in_without_the_password(parts: Parts) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(parts.redis_url).port)
    writer.write(b"PING\r\n")

    assert (await reader.readline()).startswith(b"-NOAUTH")

    writer.close()
    await writer.wait_closed()


async def test_secrets_are_on_no_command_line(parts: Parts) -> None:
    secrets = [urlsplit(url).password or "" for url in (parts.database_url, parts.redis_url)]
    shown = [arguments(pid) for pid in with_descendants(parts.process_ids["supervisor"])]

    assert all(secrets)
    assert not [line for line in shown for secret in secrets if secret in line]


async def test_one_part_can_be_opened_without_the_other(tmp_path: Path) -> None:
    async with (
        open_data_directory(tmp_path) as directory,
        open_parts(directory, postgres=False) as parts,
    ):
        assert await pings(parts.redis_url)
        assert set(parts.process_ids) == {"supervisor", "valkey"}
        with pytest.raises(PartNotOpenedError, match="embedded postgres was not opened"):
            _ = parts.database_url


async def test_no_part_needs_no_process(tmp_path: Path) -> None:
    async with (
        open_data_directory(tmp_path) as directory,
        open_parts(directory, postgres=False, valkey=False) as parts,
    ):
        assert parts.process_ids == {}


async def test_a_path_may_be_deep_and_hold_blanks_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / 'it\'s "my" data' / Path(*["unfathomably deep"] * 10)

    async with open_data_directory(path) as directory, open_parts(directory) as parts:
        assert await run(parts.database_url, "SELECT 1") == 1
        assert await pings(parts.redis_url)


async def test_a_part_that_cannot_start_says_why(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres" / "cluster"
    async with open_data_directory(tmp_path) as directory:
        directory.folder("postgres")
        cluster.mkdir(mode=0o700)
        (cluster / "PG_VERSION").write_text("9\n")
        with pytest.raises(PartFailedError, match="embedded postgres does not start") as failed:
            async with open_parts(directory, valkey=False):
                pytest.fail("opened a ruined cluster")

    assert "could not access the server configuration file" in str(failed.value)
    assert failed.value.log.read_text()


async def test_a_taken_port_is_given_up_for_another(tmp_path: Path) -> None:
    async with open_data_directory(tmp_path / "one") as one, open_parts(one, postgres=False) as old:
        port = urlsplit(old.redis_url).port
        async with open_data_directory(tmp_path / "two") as two:
            (two.folder("valkey") / "port").write_text(f"{port}\n")
            async with open_parts(two, postgres=False) as new:
                assert await pings(new.redis_url)
                assert urlsplit(new.redis_url).port != port
