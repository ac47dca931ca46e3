"""Recipients, categories and preferences on the command line, against the whole cluster."""

from __future__ import annotations

import json

import pytest

from tests.e2e.cli.program import Program


def narrowed(program: Program, scope: str) -> Program:
    made = program.ok("keys", "create", "--scope", scope, "-o", "json")
    environ = {**program.environ, "TIDINGS_API_KEY": made.document["secret"]}
    return Program(program.directory, environ)


def test_the_life_of_a_recipient(program: Program) -> None:
    put = ("recipients", "put", "alice", "--emails", "Alice@example.com", "--request-id", "r1")
    first = program.ok(*put, "-o", "json").document["recipient"]
    hook = "https://example.com/alice"
    changed = program.ok(
        "recipients", "update", "alice", "--webhook-url", hook, "--clear", "emails", "--etag",
        first["etag"], "-o", "json",
    ).document["recipient"]  # fmt: skip
    assert (changed["webhook_url"], changed["emails"]) == (hook, [])
    assert program.ok(*put, "-o", "json").document["recipient"] == first
    stale = program.call("recipients", "delete", "alice", "--etag", first["etag"])
    assert stale.code == 1
    assert "reason: ETAG_MISMATCH" in stale.stderr
    assert hook in program.ok("recipients", "get", "alice").stdout
    program.ok("recipients", "delete", "alice", "--etag", changed["etag"])
    gone = program.call("recipients", "get", "alice")
    assert "reason: RECIPIENT_NOT_FOUND" in gone.stderr


def test_a_file_of_recipients_is_imported_again_without_harm(program: Program) -> None:
    file = program.directory / "people.csv"
    rows = [f"user-{number:04},user-{number:04}@example.com,de" for number in range(1100)]
    rows[7] = "no spaces,a@example.com,de"
    rows[900] = "zone,no address,de"
    file.write_text("\n".join(["recipient_id,emails,locale", *rows]))
    imported = program.call("recipients", "import", str(file))
    assert imported.code == 1
    assert imported.stderr.splitlines()[:2] == ["1098 stored", "error: 2 of 1100 were refused"]
    first, second = imported.stdout.splitlines()
    assert first.startswith("9: no spaces refused: column recipient_id: must be ")
    assert second.startswith("902: zone refused: column emails[0]: ")
    listed = program.ok("recipients", "list", "--all", "-o", "json").document["recipients"]
    assert len(listed) == 1098
    again = program.call("recipients", "import", str(file))
    assert again.stdout == imported.stdout
    assert program.ok("recipients", "list", "--all", "-o", "json").document["recipients"] == listed

    found = program.ok("recipients", "list", "--email", "USER-0042@example.com").stdout
    assert [line.split()[0] for line in found.splitlines()] == ["RECIPIENT", "user-0042"]
    few = program.ok("recipients", "list", "--prefix", "user-109", "--limit", "3")
    assert "user-1092" in few.stdout
    assert "there is more: add --page-token " in few.stderr


def test_json_lines_are_imported_too(program: Program) -> None:
    file = program.directory / "people.jsonl"
    file.write_text(json.dumps({"recipient_id": "alice", "phone_numbers": ["+4915112345678"]}))
    numbers = program.ok("recipients", "import", str(file), "-o", "json").document
    assert numbers == {"stored": 1, "refused": 0}
    found = program.ok("recipients", "list", "--phone-number", "+4915112345678").stdout
    assert found.splitlines()[1].startswith("alice")


def test_the_life_of_a_category_and_of_the_words_about_it(program: Program) -> None:
    program.ok("recipients", "put", "alice")
    for name in ("news", "news.local"):
        program.ok("categories", "put", name, "--class", "marketing", "--channel", "email")
    program.ok("categories", "update", "news", "--ttl", "12h", "--priority", "low")
    shown = program.ok("categories", "get", "news").stdout
    assert "12h" in shown
    assert "low" in shown
    program.ok("categories", "update", "news", "--clear", "ttl")
    assert "3d" in program.ok("categories", "get", "news").stdout
    wrong = program.call("categories", "update", "news", "--class", "system", "--ttl", "8d")
    assert "category.ttl" in wrong.stderr
    listed = program.ok("categories", "list", "--class", "marketing", "--prefix", "news.").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["CATEGORY", "news.local"]

    program.ok("preferences", "set", "alice", "--category", "news", "--off")
    program.ok("preferences", "set", "alice", "--category", "news.local", "--on")
    off = program.ok("preferences", "list", "--off").stdout.splitlines()
    assert [line.split() for line in off[1:]] == [["alice", "news", "(every)", "off"]]
    program.ok("categories", "delete", "news")
    left = program.ok("preferences", "get", "alice", "-o", "json").document
    assert [each["category"] for each in left["preferences"]] == ["news.local"]
    stale = program.call("preferences", "delete", "alice", "--etag", "stale")
    assert "reason: ETAG_MISMATCH" in stale.stderr
    program.ok("preferences", "delete", "alice", "--etag", left["etag"])
    assert program.ok("preferences", "list", "--all", "-o", "json").document["preferences"] == []


READS = {
    "recipients": (["get", "x"], ["list"]),
    "categories": (["get", "x"], ["list"]),
    "preferences": (["get", "x"], ["list"]),
}
WRITES = {
    "recipients": (
        ["put", "x"], ["update", "x", "--locale", "de"], ["delete", "x"], ["import", "people.csv"],
    ),
    "categories": (
        ["put", "x", "--class", "system", "--channel", "email"],
        ["update", "x", "--ttl", "1h"],
        ["delete", "x"],
    ),
    "preferences": (["set", "x", "--off"], ["delete", "x"]),
}  # fmt: skip


@pytest.mark.parametrize("group", READS)
def test_each_command_needs_the_scope_of_its_kind(program: Program, group: str) -> None:
    (program.directory / "people.csv").write_text("recipient_id\nx\n")
    for scope, commands in (("read", WRITES[group]), ("write", READS[group])):
        narrow = narrowed(program, f"{group}:{scope}")
        for command in commands:
            refused = narrow.call(group, *command)
            assert refused.code == 1
            assert "reason: SCOPE_MISSING" in refused.stderr
