"""`tidings send-file`: a line each, batches that fit, and what happens when it breaks in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status

from cli.entries import BATCH_BYTES
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer, Refusal
from tidings.ingestion.v1.ingestion_service_pb2 import (
    SendNotificationResponse,
    SendNotificationsRequest,
    SendNotificationsResponse,
    SendResult,
)
from tidings.ingestion.v1.notification_pb2 import NotificationState

ACCEPTED = NotificationState.NOTIFICATION_STATE_ACCEPTED
UNKNOWN = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "there is no nobody", "RECIPIENT_NOT_FOUND")
BUSY = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", "OVERLOADED", retry_after=0.01)
AWAY = Refusal(grpc.StatusCode.UNAVAILABLE, "away", "DEPENDENCY_UNAVAILABLE", retry_after=0.01)


def answering(*refusals: Refusal) -> Callable[[SendNotificationsRequest], Any]:
    """Accepts entries as `n-REQUEST_ID`; those to `nobody` get the refusals, one per call."""
    left = list(refusals)

    def answer(request: SendNotificationsRequest) -> SendNotificationsResponse:
        refusal = left.pop(0) if left else None
        response = SendNotificationsResponse()
        for entry in request.entries:
            if refusal is not None and entry.recipient_id == "nobody":
                status = Status.FromString(refusal.trailers()[0][1])
                response.results.append(SendResult(error=status))
            else:
                accepted = SendNotificationResponse(
                    notification_id=f"n-{entry.request_id}", revision=1, state=ACCEPTED
                )
                response.results.append(SendResult(accepted=accepted))
        return response

    return answer


def line(request_id: str = "", recipient: str = "alice", **more: Any) -> str:
    return json.dumps({"request_id": request_id, "recipient_id": recipient, **more})


@pytest.fixture
def file(elsewhere: Path) -> Path:
    return elsewhere / "requests.jsonl"


def test_a_line_per_entry_as_the_contract_says_it(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    whole = line(
        "r1",
        category="order.shipped",
        template={"name": "order-shipped", "variables": {"order": 42}},
        channels=["CHANNEL_EMAIL"],
        ttl="3600s",
    )
    file.write_text(f"{whole}\n\n{line('r2')}")
    server.on("SendNotifications", answering())
    result = tidings("send-file", str(file))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["1: accepted n-r1", "3: accepted n-r2"]
    assert result.stderr == "2 accepted\n"
    (request,) = server.requests
    first = request.entries[0]
    assert (first.recipient_id, first.category, first.ttl.seconds) == (
        "alice",
        "order.shipped",
        3600,
    )
    assert dict(first.template.variables) == {"order": 42.0}


def test_each_entry_that_has_none_gets_a_request_id(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    file.write_text(f"{line()}\n{line('r2')}\n{line()}\n")
    server.on("SendNotifications", answering())
    result = tidings("send-file", str(file), "-o", "json")
    ids = [json.loads(each)["request_id"] for each in result.stdout.splitlines()]
    assert [entry.request_id for entry in server.requests[0].entries] == ids
    assert ids[1] == "r2"
    assert len({*ids, ""}) == 4


def test_batches_of_200(tidings: Run, server: FakeServer, file: Path) -> None:
    file.write_text("".join(line(f"r{number}") + "\n" for number in range(1, 452)))
    server.on("SendNotifications", answering())
    result = tidings("send-file", str(file))
    assert [len(request.entries) for request in server.requests] == [200, 200, 51]
    assert result.stdout.splitlines() == [
        f"{number}: accepted n-r{number}" for number in range(1, 452)
    ]


def test_no_batch_is_larger_than_a_call_may_be(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    padding = "x" * (BATCH_BYTES // 3)
    large = line("r", metadata={"padding": padding})
    file.write_text(f"{large}\n" * 5 + line("r", metadata={"padding": padding * 3}))
    server.on("SendNotifications", answering())
    result = tidings("send-file", str(file))
    assert [len(request.entries) for request in server.requests] == [2, 2, 1]
    assert result.stdout.splitlines()[-1] == f"6: refused: larger than {BATCH_BYTES} bytes"
    assert result.exit_code == 1


def test_reads_standard_input(run: Run, server: FakeServer) -> None:
    from typer.testing import CliRunner

    from cli.main import app

    server.on("SendNotifications", answering())
    arguments = ["send-file", "-", "--address", server.address]
    result = CliRunner().invoke(app, arguments, input=f"{line('r1')}\n")
    assert result.stdout == "1: accepted n-r1\n"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (b"order 42", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"recipient_id": "alice"', "Failed to load JSON"),
        (b'{"recipient": "alice"}', 'has no field named "recipient"'),
        (b'{"ttl": "soon"}', "Failed to parse ttl field"),
        (b'{"recipient_id": "\xff"}', "not UTF-8"),
        (b'{"template": {"variables": ' + b"[" * 50_000, "Failed to load JSON"),
    ],
)
def test_a_wrong_line_is_refused_and_the_others_go_on(
    tidings: Run, server: FakeServer, file: Path, wrong: bytes, complaint: str
) -> None:
    file.write_bytes(b"\n".join([line("r1").encode(), wrong, line("r3").encode()]))
    server.on("SendNotifications", answering())
    result = tidings("send-file", str(file))
    assert result.exit_code == 1
    first, second, third = result.stdout.splitlines()
    assert (first, third) == ("1: accepted n-r1", "3: accepted n-r3")
    assert second.startswith("2: refused: ")
    assert complaint in second
    assert result.stderr == "error: 1 of 3 were refused\n"


def test_one_if_any_entry_was_refused(tidings: Run, server: FakeServer, file: Path) -> None:
    file.write_text(f"{line('r1')}\n{line('r2', 'nobody')}\n")
    server.on("SendNotifications", answering(UNKNOWN), answering(UNKNOWN))
    result = tidings("send-file", str(file))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1] == "2: refused: there is no nobody (RECIPIENT_NOT_FOUND)"
    result = tidings("send-file", str(file), "-o", "json")
    assert result.exit_code == 1
    accepted, refused = map(json.loads, result.stdout.splitlines())
    assert (accepted["line"], accepted["accepted"]["notification_id"]) == (1, "n-r1")
    assert (refused["line"], refused["request_id"]) == (2, "r2")
    assert refused["error"]["reason"] == "RECIPIENT_NOT_FOUND"
    assert json.loads(result.stderr)["error"]["message"] == "1 of 2 were refused"


def test_only_entries_that_may_yet_pass_are_repeated(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    file.write_text(f"{line('r1')}\n{line('r2', 'nobody')}\n{line('r3')}\n")
    server.on("SendNotifications", answering(BUSY, BUSY))
    result = tidings("send-file", str(file))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1] == "2: accepted n-r2"
    ids = [[entry.request_id for entry in request.entries] for request in server.requests]
    assert ids == [["r1", "r2", "r3"], ["r2"], ["r2"]]


def test_an_entry_that_does_not_pass_in_time_is_refused(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    file.write_text(f"{line('r1')}\n{line('r2', 'nobody')}\n")
    server.on("SendNotifications", answering(*[BUSY] * 1000))
    result = tidings("send-file", str(file), "--within", "0.3")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["1: accepted n-r1", "2: refused: busy (OVERLOADED)"]


def test_a_call_is_repeated_whole_with_the_same_request_ids(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    file.write_text(f"{line()}\n{line()}\n")
    server.on("SendNotifications", AWAY, answering())
    assert tidings("send-file", str(file)).exit_code == 0
    first, second = server.requests
    assert first == second


def test_what_has_no_answer_is_told_with_its_request_id(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    requests = [line(f"r{number}") for number in range(1, 203)]
    file.write_text("\n".join([*requests[:200], "wrong", *requests[200:]]))
    server.on("SendNotifications", answering(), AWAY)
    result = tidings("send-file", str(file), "--within", "0.3")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[200:] == [
        "201: refused: not a JSON object",
        "202: no answer; its request id is r201",
        "203: no answer; its request id is r202",
    ]
    assert "lines after 203 were not sent" in result.stderr


def test_an_accepted_entry_stays_accepted_when_the_repeat_of_another_breaks(
    tidings: Run, server: FakeServer, file: Path
) -> None:
    file.write_text(f"{line('r1')}\n{line('r2', 'nobody')}\n")
    server.on("SendNotifications", answering(BUSY), AWAY)
    result = tidings("send-file", str(file), "--within", "0.5")
    assert result.stdout.splitlines() == [
        "1: accepted n-r1",
        "2: no answer; its request id is r2",
    ]


def test_a_wrong_key_ends_it_at_once(tidings: Run, server: FakeServer, file: Path) -> None:
    file.write_text("".join(line(f"r{number}") + "\n" for number in range(300)))
    server.on(
        "SendNotifications",
        Refusal(grpc.StatusCode.UNAUTHENTICATED, "no such key", "CREDENTIAL_INVALID"),
    )
    result = tidings("send-file", str(file))
    assert result.exit_code == 1
    assert len(server.requests) == 1
    assert "give another key" in result.stderr


def test_three_without_a_server(run: Run, file: Path) -> None:
    file.write_text(f"{line('r1')}\n")
    result = run("send-file", str(file), "--address", "127.0.0.1:1", "--within", "0.2")
    assert result.exit_code == 3


def test_a_bar_on_a_terminal_only(tidings: Run, server: FakeServer, file: Path) -> None:
    file.write_text(f"{line('r1')}\n")
    server.on("SendNotifications", answering())
    on_terminal = tidings("send-file", str(file), FORCE_COLOR="1")
    assert "sending" in on_terminal.output
    assert "1: accepted n-r1" in on_terminal.output
    assert "sending" not in tidings("send-file", str(file)).output
