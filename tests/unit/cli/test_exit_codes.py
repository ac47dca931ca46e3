"""0 when it worked, 1 when the server said no, 2 for misuse, 3 without a server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import grpc
import pytest
from rich.console import Console

from cli.command import reporting
from cli.configuration import Configuration, write_configuration
from cli.output import Output
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_server import FakeServer, Refusal
from tests.unit.cli.notifications import notification
from tidings.ingestion.v1.ingestion_service_pb2 import GetNotificationResponse

GET = ("get", "01982f3e-0000-7000-8000-000000000001")
#: Nothing listens on port 1 of a machine that runs tests.
NOBODY = "127.0.0.1:1"


def test_zero_when_it_worked(tidings: Run, server: FakeServer) -> None:
    server.on("GetNotification", GetNotificationResponse(notification=notification()))
    result = tidings(*GET)
    assert result.exit_code == 0
    assert "01982f3e" in result.stdout
    assert server.credentials == ["Bearer key"]


def test_one_when_the_server_says_no(tidings: Run, server: FakeServer) -> None:
    server.on(
        "GetNotification",
        Refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            "two things are wrong",
            "TEMPLATE_VARIABLES_MISMATCH",
            violations={"template.variables.order": "`order` is missing", "category": "no"},
        ),
    )
    result = tidings(*GET)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: two things are wrong",
        "  template.variables.order: `order` is missing",
        "  category: no",
        "  reason: TEMPLATE_VARIABLES_MISMATCH",
        "  try: `tidings templates get NAME` shows the variables; give each as --var name=value",
    ]


def test_a_violation_that_is_the_sentence_is_not_said_twice(
    tidings: Run, server: FakeServer
) -> None:
    refusal = Refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "no such", "INVALID_FIELD", violations={"name": "no such"}
    )
    server.on("GetNotification", refusal)
    assert tidings(*GET).stderr.splitlines()[:2] == ["error: no such", "  at name"]


def test_an_error_is_json_when_the_output_is(tidings: Run, server: FakeServer) -> None:
    server.on(
        "GetNotification",
        Refusal(
            grpc.StatusCode.NOT_FOUND,
            "there is none",
            "NOTIFICATION_NOT_FOUND",
            metadata={"notification_id": "x"},
        ),
    )
    result = tidings(*GET, "--output", "json")
    assert result.exit_code == 1
    assert json.loads(result.stderr) == {
        "error": {
            "code": "NOT_FOUND",
            "reason": "NOTIFICATION_NOT_FOUND",
            "message": "there is none",
            "metadata": {"notification_id": "x"},
            "field_violations": [],
            "request_id": "request",
        }
    }


def test_an_internal_error_shows_what_to_quote(tidings: Run, server: FakeServer) -> None:
    server.on("GetNotification", Refusal(grpc.StatusCode.INTERNAL, "broken", "INTERNAL"))
    assert "  request id: request" in tidings(*GET).stderr.splitlines()


def test_a_refusal_without_details_shows_its_code(tidings: Run, server: FakeServer) -> None:
    server.on("GetNotification", Refusal(grpc.StatusCode.PERMISSION_DENIED, ""))
    result = tidings(*GET)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: permission denied",
        "  reason: PERMISSION_DENIED",
    ]


def test_a_part_that_is_away_is_the_servers_no(tidings: Run, server: FakeServer) -> None:
    away = Refusal(
        grpc.StatusCode.UNAVAILABLE, "template is away", "DEPENDENCY_UNAVAILABLE", retry_after=1.0
    )
    server.on("GetNotification", away)
    result = tidings(*GET)
    assert result.exit_code == 1
    assert "  retry after: 1 s" in result.stderr.splitlines()


def test_text_of_others_cannot_steer_the_terminal(tidings: Run, server: FakeServer) -> None:
    server.on("GetNotification", Refusal(grpc.StatusCode.NOT_FOUND, "no \x1b[2J"))
    assert "\x1b" not in tidings(*GET).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("sned",),
        ("get",),
        ("get", "a", "b"),
        ("send", "--to", "alice"),
        ("send", "--to", "alice", "--template", "t", "--category", "c", "--channel", "fax"),
        ("send", "--to", "alice", "--template", "t", "--category", "c", "--var", "order"),
        ("send", "--to", "alice", "--template", "t"),
        ("send", "--to", "alice", "--template", "t", "--category", "c", "--at", "tomorrow"),
        ("send", "--to", "alice", "--template", "t", "--category", "c", "--ttl", "long"),
        ("send-file",),
        ("send-file", "nowhere"),
        ("cancel",),
        ("cancel", "n1", "--request-id", "r1"),
        ("cancel", "n1", "--collapse-key", "k"),
        ("cancel", "--to", "alice"),
        ("cancel", "--collapse-key", "k"),
        ("cancel", "--request-id", "r1", "--to", "alice", "--collapse-key", "k"),
        ("categories", "put", "a", "--class", "urgent", "--channel", "email"),
        ("categories", "put", "a", "--class", "system", "--channel", "email", "--ttl", "soon"),
        ("keys", "create", "--scope", "everything"),
        ("preferences", "set", "alice"),
        ("preferences", "set", "alice", "--on", "--off"),
        ("templates", "put", "nowhere"),
        ("watch", "alice", "--live", "--after", "cursor"),
        ("tenants", "create", "acme"),
        ("get", "a", "--config", "nowhere.toml"),
        ("get", "a", "--output", "xml"),
    ],
)
def test_two_for_misuse(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, TIDINGS_ADDRESS=NOBODY)
    assert result.exit_code == 2
    assert result.stderr


def test_misuse_that_only_the_command_can_see_is_json_too(run: Run) -> None:
    result = run("send", "--to", "alice", "--template", "t", "--output", "json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["error"]["message"].startswith("no configuration:")


@pytest.mark.parametrize(
    "arguments",
    [GET, ("watch", "alice"), ("recipients", "list"), ("tokens", "issue", "alice")],
)
def test_three_without_a_server(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "--address", NOBODY)
    assert result.exit_code == 3
    assert result.stderr == f"error: no server at {NOBODY}; start one with `make run`\n"


def test_three_as_json(run: Run) -> None:
    result = run(*GET, "--address", NOBODY, "-o", "json")
    assert result.exit_code == 3
    assert json.loads(result.stderr)["error"]["code"] == "UNREACHABLE"


def test_three_for_tenants_without_a_server(run: Run, elsewhere: Path) -> None:
    file = elsewhere / "cli.toml"
    write_configuration(file, Configuration(internal_address=NOBODY, cluster_secret="secret"))
    result = run("tenants", "create", "acme", "--config", str(file))
    assert result.exit_code == 3


def test_the_key_comes_from_the_file_found_upward(
    run: Run, server: FakeServer, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".tidings").mkdir()
    write_configuration(
        elsewhere / ".tidings" / "cli.toml",
        Configuration(address=server.address, api_key="from the file"),
    )
    below = elsewhere / "a"
    below.mkdir()
    monkeypatch.chdir(below)
    server.on("GetNotification", GetNotificationResponse(notification=notification()))
    assert run(*GET).exit_code == 0
    assert server.credentials == ["Bearer from the file"]


def test_an_output_that_there_is_not_is_refused_in_words(run: Run) -> None:
    result = run("get", "a", "--output", "yaml")
    words = " ".join(result.stderr.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split())
    assert "'yaml' is no form of output; choose from text, json" in words


def test_help_names_each_file_of_a_template(run: Run) -> None:
    shown = " ".join(run("templates", "put", "--help").stdout.split())
    assert "email: subject.txt and body.txt are mandatory, body.html is optional." in shown
    assert '[variables]: order = "Order number"' in shown


@pytest.mark.parametrize("group", ["tokens", "dead-letters"])
def test_help_is_for_its_users(run: Run, group: str) -> None:
    assert "Keeps" not in run(group, "--help").stdout


def test_helps_about_everything(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("run", "send", "send-file", "cancel", "watch", "dead-letters", "tenants"):
        assert name in result.stdout


@pytest.mark.parametrize(("terminal", "written"), [(True, "\n"), (False, "")])
def test_ctrl_c_ends_its_line_on_a_terminal(terminal: bool, written: str) -> None:
    output, stderr = Output(), io.StringIO()
    output._notes = Console(file=stderr, force_terminal=terminal)
    with pytest.raises(KeyboardInterrupt), reporting(output):
        raise KeyboardInterrupt
    assert stderr.getvalue() == written


def test_a_mistyped_command_is_told_what_may_be_meant(tidings: Run) -> None:
    result = tidings("sned")
    assert result.exit_code == 2
    assert "Did you mean 'send'?" in result.stderr
