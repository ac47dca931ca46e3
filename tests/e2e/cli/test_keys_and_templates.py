"""Keys and templates through their life, as the command line sees it, against the whole cluster."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.e2e.cli.program import Program


@pytest.fixture
def folder(program: Program) -> Path:
    """A template for the inbox and for webhooks."""
    folder = program.directory / "order-paid"
    for name, text in {
        "template.toml": '[variables]\norder = "Order number"\n',
        "in_app/title.txt": "Order {{ order }} is paid",
        "webhook/data.json": '{"order": {{ order|tojson }}}',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_key_is_made_once_read_changed_and_revoked(program: Program) -> None:
    create = (
        "keys", "create", "--scope", "recipients:read", "--name", "shop", "--ttl", "1h",
        "--request-id", "r1", "-o", "json",
    )  # fmt: skip
    made = program.ok(*create).document
    assert program.ok(*create).document == made
    key_id = made["api_key"]["key_id"]
    shown = program.ok("keys", "get", key_id, "-o", "json").document["api_key"]
    assert shown == made["api_key"]

    changed = program.ok(
        "keys", "update", key_id, "--scope", "recipients:read", "--scope", "templates:read",
        "--clear", "expire_time", "--etag", shown["etag"], "-o", "json",
    ).document["api_key"]  # fmt: skip
    assert changed["scopes"] == ["SCOPE_RECIPIENTS_READ", "SCOPE_TEMPLATES_READ"]
    assert "expire_time" not in changed
    old = program.call("keys", "update", key_id, "--name", "late", "--etag", shown["etag"])
    assert old.code == 1
    assert "reason: ETAG_MISMATCH" in old.stderr
    # Nobody has used it yet, so nobody believes what it was.
    narrow = Program(program.directory, {**program.environ, "TIDINGS_API_KEY": made["secret"]})
    narrow.ok("templates", "list")
    own = narrow.call("keys", "get", key_id)
    assert "reason: SCOPE_MISSING" in own.stderr

    program.ok("keys", "revoke", key_id)
    active = program.ok("keys", "list", "--active", "-o", "json").document["api_keys"]
    assert key_id not in {key["key_id"] for key in active}
    everything = program.ok("keys", "list", "--all", "-o", "json").document["api_keys"]
    assert key_id in {key["key_id"] for key in everything}


def test_a_key_that_may_manage_keys_cannot_widen_one(program: Program) -> None:
    manager = program.ok("keys", "create", "--scope", "keys:manage", "-o", "json").document
    narrow = Program(program.directory, {**program.environ, "TIDINGS_API_KEY": manager["secret"]})
    refused = narrow.call("keys", "update", manager["api_key"]["key_id"], "--scope", "admin")
    assert refused.code == 1
    assert "reason: SCOPE_MISSING" in refused.stderr


def test_a_template_is_drafted_published_deleted_and_made_anew(
    program: Program, folder: Path
) -> None:
    stored = program.ok("templates", "create", str(folder)).stdout
    assert stored.startswith("draft of order-paid stored, etag ")
    assert program.ok("templates", "list", "--published").stdout.count("order-paid") == 0
    assert (
        program.ok("templates", "publish", "order-paid").stdout
        == "order-paid version 1 published\n"
    )
    preview = ("templates", "preview", "order-paid", "--channel", "webhook", "--var", "order=42")
    assert program.ok(*preview).stdout == '{"order": 42}\n'

    (folder / "webhook/data.json").write_text('{"number": {{ order|tojson }}}')
    (folder / "in_app/title.txt").write_text("Not taken")
    program.ok("templates", "update", str(folder), "--part", "webhook")
    assert program.ok(*preview).stdout == '{"number": 42}\n'
    assert "Order {{ order }} is paid" in program.ok("templates", "get", "order-paid").stdout
    program.ok("templates", "publish", "order-paid")
    versions = program.ok("templates", "versions", "order-paid", "-o", "json").document["versions"]
    assert [each["version"] for each in versions] == [2, 1]

    program.ok("templates", "delete", "order-paid", "--request-id", "r1")
    gone = program.call("templates", "get", "order-paid")
    assert "reason: TEMPLATE_NOT_FOUND" in gone.stderr
    program.ok("templates", "create", str(folder))
    program.ok("templates", "delete", "order-paid", "--request-id", "r1")
    assert (
        program.ok("templates", "publish", "order-paid").stdout
        == "order-paid version 3 published\n"
    )


def test_a_draft_that_can_never_be_json_is_refused_with_its_file(
    program: Program, folder: Path
) -> None:
    (folder / "webhook/data.json").write_text("{'order': 1}")
    refused = program.call("templates", "create", str(folder))
    assert refused.code == 1
    assert "reason: TEMPLATE_INVALID" in refused.stderr
    assert "content.webhook.data" in refused.stderr


def test_what_was_accepted_is_delivered_after_its_template_was_deleted(
    program: Program, folder: Path
) -> None:
    program.ok("recipients", "put", "alice")
    program.ok("categories", "put", "order.paid", "--class", "transactional", "--channel", "in_app")
    program.ok("templates", "put", str(folder))
    send = (
        "send", "--to", "alice", "--template", "order-paid", "--category", "order.paid", "--var",
        "order=42",
    )  # fmt: skip
    sent = program.ok(*send, "--at", "in 2s", "-o", "json").document["notification_id"]
    program.ok("templates", "delete", "order-paid")
    program.ok("watch", "alice", "--until-item", sent, "--timeout", "30")
    items = program.ok("inbox", "list", "alice", "-o", "json").document["items"]
    assert [each["title"] for each in items] == ["Order 42 is paid"]
    # What ingestion knows of a template is up to five seconds old.
    deadline = time.monotonic() + 20
    refused = program.call(*send)
    while refused.code == 0 and time.monotonic() < deadline:
        refused = program.call(*send)
    assert "reason: TEMPLATE_NOT_FOUND" in refused.stderr
    assert (
        json.loads(program.call(*send, "-o", "json").stderr)["error"]["reason"]
        == "TEMPLATE_NOT_FOUND"
    )
