"""`tidings tracking`: made anew from the ledger, followed, stopped."""

from __future__ import annotations

import pytest

from cli.commands import tracking
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer
from tidings.internal.tracking.v1 import rebuild_service_pb2 as rebuilds


def test_a_rebuild_is_begun_and_followed_to_its_end(
    tidings: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "_LOOK_S", 0)
    ended = rebuilds.Rebuild(state=rebuilds.REBUILD_STATE_DONE, deliveries=12_345)
    for field in (ended.first_time, ended.position_time, ended.last_time):
        field.FromSeconds(1_790_000_000)
    begun = rebuilds.Rebuild(state=rebuilds.REBUILD_STATE_RUNNING)
    begun.update_time.FromSeconds(1_790_000_000)
    server.on("StartRebuild", rebuilds.StartRebuildResponse(rebuild=begun))
    server.on("GetRebuild", rebuilds.GetRebuildResponse(rebuild=ended))
    result = tidings("tracking", "rebuild", "--from-nothing", *_operator(server))
    assert result.stdout.startswith("done: 12,345 deliveries, up to those accepted ")
    assert "is dispatch away?" in result.stderr
    start, _ = server.requests
    assert start.from_nothing


def test_where_there_was_no_rebuild_it_says_so(tidings: Run, server: FakeServer) -> None:
    server.on("GetRebuild", rebuilds.GetRebuildResponse())
    result = tidings("tracking", "progress", *_operator(server))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there was no rebuild yet" in result.stderr


def test_a_rebuild_is_stopped(tidings: Run, server: FakeServer) -> None:
    stopped = rebuilds.Rebuild(state=rebuilds.REBUILD_STATE_STOPPED, deliveries=7)
    server.on("StopRebuild", rebuilds.StopRebuildResponse(rebuild=stopped))
    assert tidings("tracking", "stop", *_operator(server)).stdout == "stopped: 7 deliveries\n"


def _operator(server: FakeServer) -> tuple[str, ...]:
    return ("--internal-address", server.address, "--cluster-secret", "secret")
