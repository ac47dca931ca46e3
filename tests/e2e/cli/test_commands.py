"""Every group of commands once, against the whole cluster: called in this process."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from cli.demo.data import TEMPLATES
from tests.e2e.cli.program import Program

SHIPPED = ("--to", "alice", "--template", "order-shipped", "--category", "order.shipped")


@pytest.fixture
def seeded(program: Program) -> Program:
    """The program, with somebody to notify in the app and something to say."""
    program.ok("recipients", "put", "alice")
    program.ok(
        "categories", "put", "order.shipped", "--class", "transactional", "--channel", "in_app"
    )
    program.ok("templates", "put", str(TEMPLATES / "order-shipped"))
    return program


def test_from_an_empty_tenant_to_a_read_item(program: Program) -> None:
    program.ok(
        "recipients", "put", "alice", "--emails", "alice@example.com", "--locale", "en-GB",
        "--time-zone", "Europe/London",
    )  # fmt: skip
    program.ok(
        "categories", "put", "order.shipped", "--class", "transactional", "--channel", "email",
        "--channel", "in_app",
    )  # fmt: skip
    put = program.ok("templates", "put", str(TEMPLATES))
    assert "order-shipped version 1 published" in put.stdout
    again = program.ok("templates", "put", str(TEMPLATES / "order-shipped"))
    assert again.stdout == "order-shipped version 1 unchanged\n"
    off = program.ok("preferences", "set", "alice", "--channel", "email", "--off")
    assert off.stdout.splitlines()[1].split() == ["(every)", "email", "off"]

    sent = program.ok(
        "send", "--to", "alice", "--template", "order-shipped", "--category", "order.shipped",
        "--var", "order=42", "--meta", "shop=corner", "--request-id", "r1", "-o", "json",
    )  # fmt: skip
    notification_id = sent.document["notification_id"]
    program.ok("watch", "alice", "--until-item", notification_id, "--timeout", "20")
    shown = program.ok("get", notification_id)
    assert "email     not used: the recipient switched it off" in shown.stdout
    assert "  shop      corner" in shown.stdout

    read = program.ok("inbox", "read", "alice", notification_id)
    assert "0 unread of 1" in read.stdout
    unread = program.ok("inbox", "list", "alice", "--unread", "-o", "json")
    assert unread.document["items"] == []


def test_a_repeated_request_id_repeats_the_answer(seeded: Program) -> None:
    send = (
        "send", "--to", "alice", "--template", "order-shipped", "--category", "order.shipped",
        "--request-id", "r1", "-o", "json", "--var",
    )  # fmt: skip
    first = seeded.ok(*send, "order=42")
    second = seeded.ok(*send, "order=42")
    assert not first.document["replayed"]
    assert second.document["replayed"]
    assert second.document["notification_id"] == first.document["notification_id"]
    other = seeded.call(*send, "order=43")
    assert other.code == 1
    assert '"reason": "REQUEST_ID_REUSED"' in other.stderr


def test_wrong_sends_are_explained(seeded: Program) -> None:
    send = ("send", "--to", "alice", "--category", "order.shipped", "--template")
    missing = seeded.call(*send, "order-shipped")
    assert missing.code == 1
    assert "reason: TEMPLATE_VARIABLES_MISMATCH" in missing.stderr
    unknown = seeded.call(*send, "order-shiped", "--var", "order=1")
    assert unknown.code == 1
    assert "try: `tidings templates list`" in unknown.stderr


def test_a_template_can_be_seen_before_it_is_sent(program: Program) -> None:
    program.ok("templates", "put", str(TEMPLATES))
    seen = program.ok(
        "templates", "preview", "order-shipped", "--channel", "email", "--var", "order=42",
        "--var", 'items=[{"name": "Cup <blue>", "quantity": 4}]',
    )  # fmt: skip
    assert seen.stdout.startswith("Subject: Your order 42 is on its way\n")
    assert "4 x Cup <blue>" in seen.stdout
    assert "Cup &lt;blue&gt;" in seen.stdout
    shown = program.ok("templates", "get", "order-shipped", "--version", "1")
    assert "Order number" in shown.stdout


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("order-shipped", ["order=42"]),
        ("password-reset", ["reset_url=https://example.com/reset/1"]),
        ("weekly-summary", ["week=12 to 18 May", "done=7"]),
    ],
)
def test_the_demos_templates_render_with_what_is_required_and_no_more(
    program: Program, name: str, variables: list[str]
) -> None:
    program.ok("templates", "put", str(TEMPLATES / name))
    given = [argument for variable in variables for argument in ("--var", variable)]
    for channel in ("email", "in_app"):
        seen = program.ok("templates", "preview", name, "--channel", channel, *given)
        assert "None" not in seen.stdout
        assert "{{" not in seen.stdout


def test_a_key_opens_what_its_scopes_say_until_it_is_revoked(program: Program) -> None:
    made = program.ok("keys", "create", "--scope", "recipients:read", "-o", "json")
    narrow = Program(
        program.directory, {**program.environ, "TIDINGS_API_KEY": made.document["secret"]}
    )
    narrow.ok("recipients", "list")
    refused = narrow.call("recipients", "put", "alice")
    assert refused.code == 1
    assert "reason: SCOPE_MISSING" in refused.stderr
    key_id = made.document["api_key"]["key_id"]
    program.ok("keys", "revoke", key_id)
    listed = program.ok("keys", "list")
    assert any(key_id in line and "revoked" in line for line in listed.stdout.splitlines())


def test_a_token_is_three_parts_and_nothing_else(program: Program) -> None:
    token = program.ok("tokens", "issue", "alice", "--ttl", "1m")
    assert token.stdout.strip().count(".") == 2


def test_a_forged_key_is_refused(program: Program) -> None:
    forged = Program(program.directory, {**program.environ, "TIDINGS_API_KEY": "tdg_forged"})
    refused = forged.call("watch", "alice")
    assert refused.code == 1
    assert "reason: CREDENTIAL_INVALID" in refused.stderr


def test_what_is_scheduled_is_amended_and_cancelled(seeded: Program) -> None:
    send = ("send", *SHIPPED, "--at", "in 2h", "--ttl", "1h", "--collapse-key", "order-42")
    first = seeded.ok(*send, "--var", "order=42")
    word, notification_id, *_ = first.stdout.split()
    assert (word, first.stdout.count("amended")) == ("scheduled", 0)
    second = seeded.ok(*send, "--var", "order=43", "--request-id", "r2")
    assert second.stdout.startswith(f"scheduled {notification_id} for ")
    assert second.stdout.endswith(" (amended: revision 2)\n")

    shown = seeded.ok("get", notification_id).stdout.splitlines()
    assert "  collapse  order-42" in shown
    assert "  revision  2" in shown
    (moment,) = (line.split(maxsplit=2)[2] for line in shown if line.startswith("  send at"))
    due = datetime.fromisoformat(moment.rsplit(maxsplit=1)[0]).astimezone()
    assert timedelta(minutes=119) < due - datetime.now(UTC) < timedelta(minutes=121)

    for target in (
        ("--to", "alice", "--collapse-key", "order-42"),
        ("--request-id", "r2"),
        (notification_id,),
    ):
        cancelled = seeded.ok("cancel", *target)
        assert cancelled.stdout == f"cancelled {notification_id} (revision 2)\n"
    never = seeded.call("cancel", "--to", "alice", "--collapse-key", "order-43")
    assert never.code == 1
    assert "reason: NOTIFICATION_NOT_FOUND" in never.stderr


def test_an_item_that_left_is_amended_and_get_tells_the_revisions_apart(seeded: Program) -> None:
    send = ("send", *SHIPPED, "--collapse-key", "order-42", "-o", "json", "--var")
    notification_id = seeded.ok(*send, "order=42").document["notification_id"]
    seeded.ok("watch", "alice", "--until-item", notification_id, "--timeout", "20")
    seeded.ok(*send, "order=43")
    deadline = time.monotonic() + 20
    shown: list[str] = []
    while "in_app  alice  sent" not in shown and time.monotonic() < deadline:
        shown = seeded.ok("get", notification_id).stdout.splitlines()
    assert "in_app  alice  sent" in shown
    assert "in_app  alice  sent  (of revision 1)" in shown
    cancelled = seeded.ok("cancel", notification_id, "-o", "json").document
    assert cancelled["revision"] == 2
    assert {each["channel"] for each in cancelled["deliveries"]} == {"CHANNEL_IN_APP"}


def test_a_file_is_sent_line_by_line(seeded: Program) -> None:
    template = {"name": "order-shipped", "variables": {"order": "42"}}
    entry = {"recipient_id": "alice", "category": "order.shipped", "template": template}
    lines = [
        {**entry, "request_id": "r1"},
        {**entry, "recipient_id": "nobody"},
        {**entry, "template": {"name": "order-shipped"}},
        entry,
    ]
    file = seeded.directory / "requests.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in [*lines, {**entry, "to": "alice"}]))
    sent = seeded.call("send-file", str(file))
    assert sent.code == 1
    assert sent.stderr == "error: 3 of 5 were refused\n"
    first, second, third, fourth, fifth = sent.stdout.splitlines()
    assert first.startswith("1: accepted ")
    assert second.endswith("(RECIPIENT_NOT_FOUND)")
    assert third.endswith("(TEMPLATE_VARIABLES_MISMATCH)")
    assert fourth.startswith("4: accepted ")
    assert fifth.startswith("5: refused: ")
    seeded.ok("watch", "alice", "--count", "2", "--timeout", "20")

    file.write_text(json.dumps(lines[0]))
    again = seeded.ok("send-file", str(file), "-o", "json")
    assert again.document["accepted"]["replayed"]
    assert again.document["accepted"]["notification_id"] == first.split()[2]


def test_a_long_file_goes_in_several_batches(seeded: Program) -> None:
    template = {"name": "order-shipped", "variables": {"order": "42"}}
    entry = {"recipient_id": "alice", "category": "order.shipped", "template": template}
    file = seeded.directory / "requests.jsonl"
    file.write_text(f"{json.dumps(entry)}\n" * 250)
    sent = seeded.ok("send-file", str(file))
    assert sent.stderr == "250 accepted\n"
    assert len({line.split()[2] for line in sent.stdout.splitlines()}) == 250


def test_there_are_no_dead_letters_to_begin_with(program: Program) -> None:
    listed = program.ok("dead-letters", "list", "-o", "json")
    assert listed.document == {"dead_letters": [], "next_page_token": ""}
    assert program.ok("dead-letters", "list").stdout.startswith("LETTER ")
