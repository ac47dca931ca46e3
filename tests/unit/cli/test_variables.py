"""`name=value`: what is taken as JSON and what as text."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from cli.variables import parse_pairs, parse_value, parse_variables


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("-3", -3),
        ("0.5", 0.5),
        ("true", True),
        ("false", False),
        ("null", None),
        ('[1, "a"]', [1, "a"]),
        ('{"name": "Cup", "quantity": 4}', {"name": "Cup", "quantity": 4}),
    ],
)
def test_json_is_taken_as_such(text: str, value: Any) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Alice",
        "12.50",  # would come out as 12.5
        "007",
        "+49151",
        "1e5",  # would come out as 100000
        "-0",
        "9007199254740993",  # a double holds ...992
        "1" * 400,
        "NaN",
        "Infinity",
        "1e999",
        '"42"',
        "True",
        "[1,",
        "2026-10-30",
        "a=b",
    ],
)
def test_everything_else_is_text_as_it_was_written(text: str) -> None:
    assert parse_value(text) == text
    assert isinstance(parse_value(text), str)


def test_a_value_may_hold_equal_signs_and_be_empty() -> None:
    assert parse_pairs(["url=https://example.com/?a=b", "note="], "--var") == {
        "url": "https://example.com/?a=b",
        "note": "",
    }


def test_string_takes_everything_as_text() -> None:
    assert parse_variables(["order=42"], ["code=0042", "flag=true"]) == {
        "order": 42,
        "code": "0042",
        "flag": "true",
    }


@pytest.mark.parametrize("pairs", [["order"], ["=42"], ["order=1", "order=2"]])
def test_refuses_what_has_no_name_or_is_given_twice(pairs: list[str]) -> None:
    with pytest.raises(typer.BadParameter, match="--meta"):
        parse_pairs(pairs, "--meta")


def test_refuses_a_variable_given_both_ways() -> None:
    with pytest.raises(typer.BadParameter, match="order"):
        parse_variables(["order=1"], ["order=2"])
