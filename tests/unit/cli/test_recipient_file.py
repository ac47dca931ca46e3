"""Recipients from CSV and JSON lines, with the number of each line and what is wrong with it."""

from __future__ import annotations

from io import BytesIO

import pytest
import typer
import typer.core

from cli.commands.recipients import app
from cli.entries import Entry
from cli.errors import Misused
from cli.recipient_file import COLUMNS, FileFormat, format_of, read_recipients
from tidings.preference.v1.recipient_service_pb2 import Recipient


def read(text: str | bytes, form: FileFormat = FileFormat.CSV) -> list[Entry[Recipient]]:
    data = text.encode() if isinstance(text, str) else text
    return list(read_recipients(BytesIO(data), form))


def test_a_row_is_a_recipient() -> None:
    (entry,) = read(
        "recipient_id,emails,phone_numbers,locale,time_zone,webhook_url\n"
        "alice, a@b.c ;d@e.f;,+4915112345678,de,Europe/Berlin,https://example.com/a\n"
    )
    assert entry.fault is None
    assert entry.message == Recipient(
        recipient_id="alice",
        emails=["a@b.c", "d@e.f"],
        phone_numbers=["+4915112345678"],
        locale="de",
        time_zone="Europe/Berlin",
        webhook_url="https://example.com/a",
    )


def test_columns_come_in_any_order_and_may_be_left_out() -> None:
    (entry,) = read("\ufefflocale, recipient_id\nde,alice")
    assert entry.message == Recipient(recipient_id="alice", locale="de")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must name the columns"),
        ("\nalice\n", "must name the columns"),
        ("emails\na@b.c\n", "must name the columns"),
        ("recipient_id,recipient_id\n", "must name the columns"),
        ("recipient_id,mail\n", r"^line 1: there is no column 'mail'; did you mean emails\?$"),
        ("recipient_id,Time-Zone\n", r"^line 1: .* did you mean time_zone\?$"),
        ("recipient_id,x\n", "^line 1: there is no column 'x'$"),
        ('"recipient_id', "is no CSV"),
        (b"\xff\n", "is no CSV"),
    ],
)
def test_a_header_that_is_none(text: str | bytes, complaint: str) -> None:
    with pytest.raises(Misused, match=complaint):
        read(text)


def test_each_fault_is_at_its_line_and_the_others_go_on() -> None:
    entries = read(
        b'recipient_id,emails\na,a@b.c\n\nb\n"c\nd",e@f.g\n\xff,a@b.c\ne,"x"y\nf,g@h.i\n'
    )
    found = [
        (each.line, each.message.recipient_id, each.fault and each.fault.sentence)
        for each in entries
    ]
    assert [(line, name) for line, name, fault in found if fault is None] == [
        (2, "a"), (5, "c\nd"), (9, "f"),
    ]  # fmt: skip
    faults = {line: fault for line, _, fault in found if fault}
    assert faults[4] == "has no cell for the column emails; an empty one will do"
    assert str(faults[7]).startswith("not UTF-8: ")
    assert str(faults[8]).startswith("not CSV: ")
    assert sorted(faults) == [4, 7, 8]


def test_the_lengths_of_the_rows_add_up_to_the_file() -> None:
    header, rows = "recipient_id,emails\n", 'a,b@c.d\nb,\n"c\nc",e@f.g\n'
    assert sum(entry.length for entry in read(header + rows)) == len(rows)


def test_json_lines_have_the_names_of_the_contract() -> None:
    good, bad = read('{"recipient_id": "a", "emails": ["b@c.d"]}\n\n{"id": "a"}', FileFormat.JSONL)
    assert good.message == Recipient(recipient_id="a", emails=["b@c.d"])
    assert bad.line == 3
    assert bad.fault is not None
    assert '"id"' in bad.fault.sentence


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv", "csv"), ("A.CSV", "csv"), ("a.jsonl", "jsonl"), ("a.json", "jsonl"), ("-", "jsonl")],
)
def test_a_format_is_told_by_the_name(name: str, form: str) -> None:
    assert format_of(name) == form


def test_a_row_that_is_too_long_says_what_may_be_wrong() -> None:
    (entry,) = read("recipient_id,emails\na,b@c.d,e@f.g\n")
    assert entry.fault is not None
    assert entry.fault.sentence.startswith("has 3 cells for 2 columns; ")


def test_columns_are_the_options_of_put() -> None:
    """One spelling, which is the contract's."""
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    for name in ("put", "update"):
        options = {option.name for option in command.commands[name].params}
        assert set(COLUMNS) <= options
    assert set(COLUMNS) <= set(Recipient.DESCRIPTOR.fields_by_name)
