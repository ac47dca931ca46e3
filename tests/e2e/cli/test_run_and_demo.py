"""`tidings run` and `tidings demo`, as a newcomer runs them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from libs.embedded.ports import choose_port
from tests.e2e.cli.conftest import SCRIPT, UP, Home
from tests.e2e.cli.program import Program, Running
from tests.e2e.cli.refusing_mail_server import refusing_mail_server


def test_demo_shows_both_arrivals_and_leaves_nothing_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    ended = Program(tmp_path, {"TMPDIR": str(temporary)}).run("demo")
    assert ended.code == 0, ended.stderr
    for words in (
        "To: alice@example.com",
        "Subject: Your order 42 is on its way",
        "on alice's open stream",
        "sent by smtp",
        "written to a stream",
    ):
        assert words in ended.stdout
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / ".tidings").exists()


def test_demo_fails_with_the_reason_when_it_does_not_arrive(tmp_path: Path) -> None:
    with refusing_mail_server() as url:
        program = Program(tmp_path, {"TMPDIR": str(tmp_path), "TIDINGS_SMTP_URL": url})
        ended = program.run("demo", "--timeout", "30")
    assert ended.code == 1
    assert "error: email delivery is failed: 550 5.1.1 no such mailbox here" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_run_stays_up_when_it_does_not_arrive_and_says_so_in_the_end(tmp_path: Path) -> None:
    with refusing_mail_server() as url:
        program = Program(tmp_path, {"TIDINGS_SMTP_URL": url})
        with program.running("run", "--listen", "127.0.0.1:0") as server:
            server.until(UP)
            assert "error: email delivery is failed: 550 5.1.1" in server.complaint
            assert program.ok("templates", "list").stdout
            assert server.interrupt() == 1


@pytest.mark.timeout(240)
def test_run_keeps_its_data_and_its_key(tmp_path: Path) -> None:
    program = Program(tmp_path)
    listen = f"127.0.0.1:{choose_port()}"
    with program.running("run", "--listen", listen) as server:
        server.until(UP)
        notification_id = _accepted(server)
        assert f"up at {listen}; in another terminal, here" in server.seen
        file = tmp_path / ".tidings" / "cli.toml"
        assert file.stat().st_mode & 0o777 == 0o600
        key = tomllib.loads(file.read_text())["api_key"]
        sent = program.ok(
            "send", "--to", "alice", "--template", "order-shipped", "--var", "order=42"
        )
        assert sent.stdout.startswith("accepted ")
        shown = program.ok("get", notification_id)
        assert "sent by smtp" in shown.stdout
        tenant = program.ok("tenants", "create", "acme", "-o", "json")
        assert tenant.document["secret"] != key
        assert server.interrupt() == 0

    with program.running("run", "--listen", listen) as server:
        server.until(UP)
        assert tomllib.loads(file.read_text())["api_key"] == key
        listed = program.ok("inbox", "list", "alice", "-o", "json")
        # One of each start, and one sent by hand.
        assert listed.document["counts"]["total"] == "3"
        program.ok("get", notification_id)
        templates = program.ok("templates", "list", "-o", "json")
        assert [each["latest_version"] for each in templates.document["templates"]] == [1, 1, 1]
        _refuses_a_second_server(program, listen)
        assert server.interrupt() == 0


def _refuses_a_second_server(program: Program, listen: str) -> None:
    same_directory = program.run("run", "--listen", "127.0.0.1:0")
    assert same_directory.code == 1
    assert "already running on .tidings" in same_directory.stderr
    same_address = program.run("serve", "--data-dir", "other", "--listen", listen)
    assert same_address.code == 1
    assert f"{listen} is taken" in same_address.stderr
    run = program.run("run", "--data-dir", "other", "--listen", listen)
    assert run.code == 1
    assert run.stderr.startswith("starting …\n")
    assert " run --listen 127.0.0.1:PORT` with a port that is free" in run.stderr
    for ended in (same_directory, same_address, run):
        assert "Traceback" not in ended.stderr


JSON = {"TIDINGS_LOG_FORMAT": "json"}


def _events(stderr: str) -> dict[str, dict[str, Any]]:
    """Returns the log lines by event; there is nothing else."""
    lines = [json.loads(line) for line in stderr.splitlines()]
    return {line["event"]: line for line in lines}


def test_run_tells_all_in_log_lines_where_logs_are_json(tmp_path: Path) -> None:
    program = Program(tmp_path, JSON)
    with program.running("run", "--listen", "127.0.0.1:0") as server:
        server.complains('"arrived"')
        assert server.interrupt() == 0
        with pytest.raises(AssertionError, match="it ended"):
            server.line()
        events = _events(server.complaint)
    assert server.seen == []
    assert [*events] == ["data_kept", "started", "arrived", "stopping"]
    assert events["data_kept"]["data_directory"] == str(tmp_path / ".tidings")
    assert events["started"]["address"].startswith("127.0.0.1:")
    assert re.fullmatch(r"[0-9a-f-]{36}", events["arrived"]["notification_id"])


def test_what_keeps_a_server_from_starting_is_a_log_line_too(tmp_path: Path) -> None:
    for command in ("run", "serve"):
        program = Program(tmp_path, {**JSON, "TIDINGS_DISPATCH_LEASE_SECONDS": "3"})
        ended = program.run(command, "--listen", "127.0.0.1:0")
        assert (ended.code, ended.stdout) == (1, "")
        failed = _events(ended.stderr)["command_failed"]
        assert failed["level"] == "error"
        assert "TIDINGS_SMTP_TIMEOUT_SECONDS must be at most 1.25, not 20" in failed["sentence"]
    nonsense = Program(tmp_path, {**JSON, "TIDINGS_LOG_LEVEL": "loud"}).run("run")
    assert nonsense.code == 1
    assert "TIDINGS_LOG_LEVEL must be" in json.loads(nonsense.stderr)["error"]["message"]


def test_serve_refuses_what_it_cannot_serve(tmp_path: Path) -> None:
    program = Program(tmp_path)
    lonely = program.call("serve", "dispatch")
    assert lonely.code == 1
    assert "TIDINGS_DATABASE_URL" in lonely.stderr
    unknown = program.call("serve", "dispach")
    assert unknown.code == 1
    assert "there is no service dispach" in unknown.stderr


def test_the_issues_example_works_for_each_recipient_of_the_demo(home: Home) -> None:
    item_id = ""
    for name in ("bob", "chitra"):
        sent = home.program.ok(
            "send", "--to", name, "--template", "weekly-summary", "--var", "week=12 to 18 May",
            "--var", "done=7", "--var", 'highlights=["a walk", "a book"]', "-o", "json",
        )  # fmt: skip
        item_id = sent.document["notification_id"]
        home.program.ok("watch", name, "--until-item", item_id, "--timeout", "20")
    shown = home.program.ok("get", item_id)
    assert "email     not used: the recipient switched it off" in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80


def test_each_printed_command_works_when_it_is_pasted(home: Home) -> None:
    start = next(n for n, line in enumerate(home.server.seen) if line.startswith("up at "))
    printed = [line.strip() for line in home.server.seen[start + 1 : -2]]
    assert [line for line in printed if " curl " not in line] == [
        f"{SCRIPT} watch alice",
        f"{SCRIPT} send --to alice --template order-shipped --var order=42",
        f"{SCRIPT} get {_accepted(home.server)}",
        f"{SCRIPT} inbox list alice",
        f"{SCRIPT} templates list",
    ]
    watch, *others = printed
    shell = ("/bin/sh", "-c")
    # With exec, as Ctrl-C goes to the program and not to its shell.
    with home.program.running(f"exec {watch}", program=shell) as watching:
        watching.until("unread of")
        for command in others:
            ended = home.program.run(command, program=shell)
            assert ended.code == 0, (command, ended.stderr)
            assert ended.stdout
        # The one that was sent meanwhile.
        watching.until("order 42")


def _accepted(server: Running) -> str:
    for line in server.seen:
        if match := re.search(r"accepted as (\S+)", line):
            return match[1]
    raise AssertionError(server.seen)
