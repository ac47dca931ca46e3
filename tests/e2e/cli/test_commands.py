"""Every group of commands once, against the whole cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.demo.data import TEMPLATES
from cli.serve import Cluster
from tests.e2e.cli.program import Program
from tests.support.api import create_tenant


@pytest.fixture
async def program(cluster: Cluster, tmp_path: Path) -> Program:
    """The program with an admin key of a tenant of its own."""
    key = await create_tenant(cluster.internal_address, cluster.cluster_secret)
    return Program(tmp_path, {"TIDINGS_ADDRESS": cluster.public_address, "TIDINGS_API_KEY": key})


async def test_from_an_empty_tenant_to_a_read_item(program: Program) -> None:
    await program.ok(
        "recipients", "put", "alice", "--email", "alice@example.com", "--locale", "en-GB",
        "--zone", "Europe/London",
    )  # fmt: skip
    await program.ok(
        "categories", "put", "order.shipped", "--class", "transactional", "--channel", "email",
        "--channel", "in_app",
    )  # fmt: skip
    put = await program.ok("templates", "put", str(TEMPLATES))
    assert "order-shipped version 1 published" in put.stdout
    again = await program.ok("templates", "put", str(TEMPLATES / "order-shipped"))
    assert again.stdout == "order-shipped version 1 unchanged\n"
    off = await program.ok("preferences", "set", "alice", "--channel", "email", "--off")
    assert off.stdout.splitlines()[1].split() == ["(every)", "email", "off"]

    sent = await program.ok(
        "send", "--to", "alice", "--template", "order-shipped", "--category", "order.shipped",
        "--var", "order=42", "--meta", "shop=corner", "--request-id", "r1", "-o", "json",
    )  # fmt: skip
    notification_id = sent.document["notification_id"]
    await program.ok("watch", "alice", "--until-item", notification_id, "--timeout", "20")
    shown = await program.ok("get", notification_id)
    assert "email     not used: the recipient switched it off" in shown.stdout
    assert "  shop      corner" in shown.stdout

    read = await program.ok("inbox", "read", "alice", notification_id)
    assert "0 unread of 1" in read.stdout
    unread = await program.ok("inbox", "list", "alice", "--unread", "-o", "json")
    assert unread.document["items"] == []


async def test_a_repeated_request_id_repeats_the_answer(program: Program) -> None:
    await program.ok("recipients", "put", "alice")
    await program.ok(
        "categories", "put", "order.shipped", "--class", "transactional", "--channel", "in_app"
    )
    await program.ok("templates", "put", str(TEMPLATES / "order-shipped"))
    send = (
        "send", "--to", "alice", "--template", "order-shipped", "--category", "order.shipped",
        "--request-id", "r1", "-o", "json", "--var",
    )  # fmt: skip
    first = await program.ok(*send, "order=42")
    second = await program.ok(*send, "order=42")
    assert not first.document["replayed"]
    assert second.document["replayed"]
    assert second.document["notification_id"] == first.document["notification_id"]
    other = await program.run(*send, "order=43")
    assert other.code == 1
    assert '"reason": "REQUEST_ID_REUSED"' in other.stderr


async def test_wrong_sends_are_explained(program: Program) -> None:
    await program.ok("recipients", "put", "alice")
    await program.ok(
        "categories", "put", "order.shipped", "--class", "transactional", "--channel", "in_app"
    )
    await program.ok("templates", "put", str(TEMPLATES / "order-shipped"))
    send = ("send", "--to", "alice", "--category", "order.shipped", "--template")
    missing = await program.run(*send, "order-shipped")
    assert missing.code == 1
    assert "reason: TEMPLATE_VARIABLES_MISMATCH" in missing.stderr
    unknown = await program.run(*send, "order-shiped", "--var", "order=1")
    assert unknown.code == 1
    assert "try: `tidings templates list`" in unknown.stderr


async def test_a_template_can_be_seen_before_it_is_sent(program: Program) -> None:
    await program.ok("templates", "put", str(TEMPLATES))
    seen = await program.ok(
        "templates", "preview", "order-shipped", "--channel", "email", "--var", "order=42",
        "--var", 'items=[{"name": "Cup <blue>", "quantity": 4}]',
    )  # fmt: skip
    assert seen.stdout.startswith("Subject: Your order 42 is on its way\n")
    assert "4 x Cup <blue>" in seen.stdout
    assert "Cup &lt;blue&gt;" in seen.stdout
    shown = await program.ok("templates", "get", "order-shipped", "--version", "1")
    assert "Order number" in shown.stdout


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("order-shipped", ["order=42"]),
        ("password-reset", ["reset_url=https://example.com/reset/1"]),
        ("weekly-summary", ["week=12 to 18 May", "done=7"]),
    ],
)
async def test_the_demos_templates_render_with_what_is_required_and_no_more(
    program: Program, name: str, variables: list[str]
) -> None:
    await program.ok("templates", "put", str(TEMPLATES / name))
    given = [argument for variable in variables for argument in ("--var", variable)]
    for channel in ("email", "in_app"):
        seen = await program.ok("templates", "preview", name, "--channel", channel, *given)
        assert "None" not in seen.stdout
        assert "{{" not in seen.stdout


async def test_a_key_opens_what_its_scopes_say_until_it_is_revoked(program: Program) -> None:
    made = await program.ok("keys", "create", "--scope", "recipients:read", "-o", "json")
    narrow = Program(
        program.directory, {**program.environ, "TIDINGS_API_KEY": made.document["secret"]}
    )
    await narrow.ok("recipients", "list")
    refused = await narrow.run("recipients", "put", "alice")
    assert refused.code == 1
    assert "reason: SCOPE_MISSING" in refused.stderr
    key_id = made.document["api_key"]["key_id"]
    await program.ok("keys", "revoke", key_id)
    listed = await program.ok("keys", "list")
    assert any(key_id in line and "revoked" in line for line in listed.stdout.splitlines())


async def test_a_token_is_three_parts_and_nothing_else(program: Program) -> None:
    token = await program.ok("tokens", "issue", "alice", "--ttl", "1m")
    assert token.stdout.strip().count(".") == 2


async def test_a_forged_key_is_refused(program: Program) -> None:
    forged = Program(program.directory, {**program.environ, "TIDINGS_API_KEY": "tdg_forged"})
    refused = await forged.run("watch", "alice")
    assert refused.code == 1
    assert "reason: CREDENTIAL_INVALID" in refused.stderr
