"""However the server ends, its parts end with it, and the next server starts at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from libs.embedded.data_directory import open_data_directory
from libs.embedded.parts import open_parts
from tests.integration.embedded.clients import run
from tests.integration.embedded.hosts import host
from tests.integration.embedded.processes import is_gone, with_descendants
from tests.support.eventually import eventually


async def test_nothing_outlives_a_killed_server(tmp_path: Path) -> None:
    async with host(tmp_path) as server:
        report = await server.report()
        url = str(report["database_url"])
        await run(url, "CREATE TABLE kept AS SELECT 7 AS number")
        processes = with_descendants(server.pid)
        os.kill(server.pid, signal.SIGKILL)

        # At once: the next server itself waits for what is left of the last one.
        async with open_data_directory(tmp_path) as directory:
            assert all(is_gone(pid) for pid in processes - _supervisor(report))
            async with open_parts(directory) as parts:
                assert await run(parts.database_url, "SELECT number FROM kept") == 7
    await eventually(lambda: all(map(is_gone, processes)), "the supervisor is gone")


async def test_nothing_outlives_a_server_killed_with_its_supervisor(tmp_path: Path) -> None:
    async with host(tmp_path) as server:
        report = await server.report()
        processes = with_descendants(server.pid)
        for pid in (server.pid, *_supervisor(report)):
            os.kill(pid, signal.SIGKILL)

        async with open_data_directory(tmp_path):
            assert all(map(is_gone, processes))


async def test_a_cluster_half_made_is_made_anew(tmp_path: Path) -> None:
    postgres = tmp_path / "postgres"
    async with host(tmp_path) as server:
        await eventually(lambda: any(postgres.glob("initdb-*/base/1")), "initdb works")
        os.kill(server.pid, signal.SIGKILL)

        async with open_data_directory(tmp_path) as directory:
            assert not (postgres / "cluster").exists()
            async with open_parts(directory) as parts:
                assert await run(parts.database_url, "SELECT 1") == 1
    assert not list(postgres.glob("initdb-*"))


async def test_ctrl_c_is_for_the_server_to_interpret(tmp_path: Path) -> None:
    async with host(tmp_path) as server:
        await server.report()
        processes = with_descendants(server.pid)
        os.killpg(server.pid, signal.SIGINT)
        await eventually(lambda: is_gone(server.pid), "the server is gone")

        assert all(map(is_gone, processes))
        assert "database system is shut down" in _story(tmp_path)
        assert "Valkey is now ready to exit" in _story(tmp_path)


async def test_a_second_server_is_told_who_runs(tmp_path: Path) -> None:
    async with host(tmp_path) as first, host(tmp_path) as second:
        # Whichever came first: one opens, the other names it.
        reports = {server.pid: await server.report() for server in (first, second)}
        refusals = [report for report in reports.values() if "error" in report]
        owner = next(pid for pid, report in reports.items() if "error" not in report)

    assert [refusal["error"] for refusal in refusals] == ["DataDirectoryInUseError"]
    assert f"(pid {owner})" in str(refusals[0]["sentence"])


async def test_a_server_that_leaves_takes_its_parts_along(tmp_path: Path) -> None:
    async with host(tmp_path) as server:
        await server.report()
        processes = with_descendants(server.pid)

        assert await server.leave() == 0
        assert all(map(is_gone, processes))


def _supervisor(report: dict[str, object]) -> set[int]:
    pids = report["process_ids"]
    assert isinstance(pids, dict)
    return {int(pids["supervisor"])}


def _story(path: Path) -> str:
    return "".join(log.read_text() for log in path.glob("*/server.log"))
