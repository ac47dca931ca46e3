"""What `tidings watch` shows of a stream, and when it ends."""

from __future__ import annotations

import json

import grpc
import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_inbox import added, closing, item, opened, snapshot
from tests.unit.cli.fake_server import FakeServer, Refusal
from tests.unit.cli.notifications import at
from tidings.access.v1 import access_service_pb2 as access
from tidings.inbox.v1.inbox_stream_service_pb2 import ClosingReason


@pytest.fixture
def stream(server: FakeServer) -> FakeServer:
    server.on(
        "IssueRecipientToken", access.IssueRecipientTokenResponse(token="t", expire_time=at(0))
    )
    server.frames = [
        opened(),
        snapshot("c2", item("b", 2), item("a", 1, read_time=at(0))),
        added("c3", item("c", 3, body="Body", action_url="https://example.com/")),
    ]
    return server


def test_watch_shows_the_oldest_first_and_then_what_comes(tidings: Run, stream: FakeServer) -> None:
    result = tidings("watch", "alice", "--count", "3", "--newest", "7", "--device", "d1")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"watching the inbox of alice at {stream.address}; Ctrl-C ends"
    assert [line.split()[2:] for line in (lines[1], lines[2], lines[5])] == [
        ["read", "Title", "of", "a"],
        ["new", "Title", "of", "b"],
        ["new", "Title", "of", "c"],
    ]
    assert "0 unread of 2" in lines[4]
    assert [line.strip() for line in lines[6:8]] == ["Body", "https://example.com/"]
    subscribed = stream.requests[-1]
    assert (subscribed.snapshot.max_items, subscribed.device_id) == (7, "d1")
    # The stream is opened as an app does it: with a recipient's token, for its own inbox.
    assert stream.credentials[-1] == "Bearer t"
    assert subscribed.recipient_id == ""


def test_watch_counts_again_after_a_burst(tidings: Run, stream: FakeServer) -> None:
    stream.frames += [added("c4", item("d", 4)), added("c5", item("e", 5))]
    lines = tidings("watch", "alice", "--timeout", "1.5").stdout.splitlines()
    counted = [line for line in lines if "unread of" in line]
    assert len(counted) == 2
    assert counted[0] == "0 unread of 2"
    assert lines[-1] == counted[1]


def test_watch_prints_a_line_of_json_per_event(tidings: Run, stream: FakeServer) -> None:
    result = tidings("watch", "alice", "--until-item", "c", "-o", "json")
    connected, first, change = map(json.loads, result.stdout.splitlines())
    assert connected["event"] == "connected"
    assert (first["event"], first["unseen"], first["cursor"]) == ("snapshot", ["b", "a"], "c2")
    assert (change["event"], change["change"], change["cursor"]) == ("item", "added", "c3")
    assert change["item"]["title"] == "Title of c"


def test_watch_fails_when_what_it_waits_for_does_not_come(tidings: Run, stream: FakeServer) -> None:
    result = tidings("watch", "alice", "--until-item", "z", "--timeout", "0.5")
    assert result.exit_code == 1
    assert "item z did not arrive within 0.5 s" in result.stderr
    # Without anything to wait for, time being up is a good end.
    assert tidings("watch", "alice", "--timeout", "0.5").exit_code == 0


def test_watch_ends_when_a_newer_one_takes_over(tidings: Run, stream: FakeServer) -> None:

    stream.frames.append(closing(ClosingReason.CLOSING_REASON_SUPERSEDED, reconnect=False))
    result = tidings("watch", "alice")
    assert result.exit_code == 1
    assert "a newer watch of this installation took over" in result.stderr


def test_watch_tells_a_wrong_key_before_anything(tidings: Run, server: FakeServer) -> None:
    server.on(
        "IssueRecipientToken",
        Refusal(grpc.StatusCode.PERMISSION_DENIED, "lacks tokens:issue", "SCOPE_MISSING"),
    )
    result = tidings("watch", "alice")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "lacks tokens:issue" in result.stderr
