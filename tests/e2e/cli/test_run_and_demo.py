"""`tidings run` and `tidings demo`, as a newcomer runs them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from libs.embedded.ports import choose_port
from tests.e2e.cli.program import Program, Running

UP = "Ctrl-C stops it."


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


async def test_demo_shows_both_arrivals_and_leaves_nothing_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    ended = await Program(tmp_path, {"TMPDIR": str(temporary)}).run("demo")
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


async def test_demo_fails_with_the_reason_when_it_does_not_arrive(tmp_path: Path) -> None:
    # Nothing listens there, so the mail cannot leave.
    environ = {"TMPDIR": str(tmp_path), "TIDINGS_SMTP_URL": "smtp://127.0.0.1:1"}
    ended = await Program(tmp_path, environ).run("demo", "--timeout", "15")
    assert ended.code == 1
    assert "email is" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.timeout(240)
async def test_run_keeps_its_data_and_its_key(program: Program) -> None:
    directory = program.directory
    listen = f"127.0.0.1:{choose_port()}"
    async with program.running("run", "--listen", listen) as server:
        await server.until(UP)
        notification_id = _accepted(server)
        assert f"up at {listen}; in another terminal, here" in server.seen
        file = directory / ".tidings" / "cli.toml"
        assert file.stat().st_mode & 0o777 == 0o600
        key = tomllib.loads(file.read_text())["api_key"]
        sent = await program.ok(
            "send", "--to", "alice", "--template", "order-shipped", "--var", "order=42"
        )
        assert sent.stdout.startswith("accepted ")
        shown = await program.ok("get", notification_id)
        assert "sent by smtp" in shown.stdout
        tenant = await program.ok("tenants", "create", "acme", "-o", "json")
        assert tenant.document["secret"] != key
        assert await server.interrupt() == 0

    async with program.running("run", "--listen", listen) as server:
        await server.until(UP)
        assert tomllib.loads(file.read_text())["api_key"] == key
        listed = await program.ok("inbox", "list", "alice", "-o", "json")
        # One of each start, and one sent by hand.
        assert listed.document["counts"]["total"] == "3"
        assert (await program.ok("get", notification_id)).code == 0
        templates = await program.ok("templates", "list", "-o", "json")
        assert [each["latest_version"] for each in templates.document["templates"]] == [1, 1, 1]
        await _refuses_a_second_server(program, listen)
        assert await server.interrupt() == 0


async def _refuses_a_second_server(program: Program, listen: str) -> None:
    same_directory = await program.run("run", "--listen", "127.0.0.1:0")
    assert same_directory.code == 1
    assert "already running on .tidings" in same_directory.stderr
    same_address = await program.run("serve", "--data-dir", "other", "--listen", listen)
    assert same_address.code == 1
    assert f"{listen} is taken" in same_address.stderr
    for ended in (same_directory, same_address):
        assert "Traceback" not in ended.stderr


async def test_serve_ends_cleanly_and_refuses_what_it_cannot_serve(program: Program) -> None:
    lonely = await program.run("serve", "dispatch")
    assert lonely.code == 1
    assert "TIDINGS_DATABASE_URL" in lonely.stderr
    unknown = await program.run("serve", "dispach")
    assert unknown.code == 1
    assert "there is no service dispach" in unknown.stderr


async def test_the_issues_example_works_for_each_recipient_of_the_demo(program: Program) -> None:
    async with program.running("run", "--listen", "127.0.0.1:0") as server:
        await server.until(UP)
        item_id = ""
        for name in ("bob", "chitra"):
            sent = await program.ok(
                "send", "--to", name, "--template", "weekly-summary", "--var", "week=12 to 18 May",
                "--var", "done=7", "--var", 'highlights=["a walk", "a book"]', "-o", "json",
            )  # fmt: skip
            item_id = sent.document["notification_id"]
            await program.ok("watch", name, "--until-item", item_id, "--timeout", "20")
        shown = await program.ok("get", item_id)
        assert "email     not used: the recipient switched it off" in shown.stdout
        assert max(len(line) for line in shown.stdout.splitlines()) <= 80


def _accepted(server: Running) -> str:
    for line in server.seen:
        if match := re.search(r"accepted as (\S+)", line):
            return match[1]
    raise AssertionError(server.seen)
