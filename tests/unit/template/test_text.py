"""What becomes of a rendered text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.template.domain.text import TextRefused, clean, json_value, link, one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb\r\nc\n", "a\tb\r\nc\n"),
        ("a\x00b\x07c\x1b[0m\x7f", "abc[0m"),
        ("Grüße 👋", "Grüße 👋"),
        ("", ""),
    ],
)
def test_control_characters_are_dropped(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a  b ", "a b"),
        ("a\r\nBcc: b@example.com", "a Bcc: b@example.com"),
        ("a\u2028b\u2029c\x85d\x0be\x0cf", "a b c d e f"),
        ("a\n\x00\nb", "a b"),
        ("\n", ""),
    ],
)
def test_a_line_is_one_line(text: str, expected: str) -> None:
    assert one_line(text) == expected


@pytest.mark.parametrize("finish", [clean, one_line, link, json_value])
def test_half_a_character_is_refused(finish: Callable[[str], str]) -> None:
    with pytest.raises(TextRefused):
        finish("\ud83d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  \n", ""),
        ("https://example.com", "https://example.com"),
        (" https://example.com/a?b=c#d \n", "https://example.com/a?b=c#d"),
        ("HTTP://localhost:8080/@alice", "HTTP://localhost:8080/@alice"),
        ("https://bücher.example/ä", "https://bücher.example/ä"),
        ("https://[::1]/", "https://[::1]/"),
    ],
)
def test_a_web_address_or_nothing_is_a_link(text: str, expected: str) -> None:
    assert link(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)//https://example.com",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "/relative",
        "//example.com/",
        "example.com",
        "https:/example.com",
        "https://",
        "https:///path",
        "https://?q",
        "http:\\\\example.com",
        "https://example.com\\@evil.example",
        "https://example.com@evil.example",
        "https://example.com/a b",
        "https://example.com/\nx",
        'https://example.com/"onclick=',
        "https://example.com/<script>",
        "xhttps://example.com",
        "https://example.com https://example.org",
    ],
)
def test_anything_else_is_no_link(text: str) -> None:
    with pytest.raises(TextRefused, match="absolute http or https URL") as caught:
        link(text)
    assert "example" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "null",
        '""',
        "-0.5e-7",
        '{"a": [1, "Grüße 👋", {"b": true}]}',
        # JSON bounds neither digits nor size of a number.
        "9" * 10_000,
        "1e999",
        "[" * 500 + "]" * 500,
    ],
)
def test_one_json_value_stays_as_it_is(text: str) -> None:
    assert json_value(text) == text
    assert json_value(f" \r\n\t{text}\n") == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1, column 1"),
        ("hunter2", "line 1, column 1"),
        ("{'hunter2': 1}", "line 1, column 2"),
        ('{"hunter2": 1,}', "breaks off at line 1"),
        ('{"a": 1}\n{"hunter2": 2}', "line 2, column 1"),
        ('"hunter2\n"', "line 1, column 9"),
        ('"hunter2\x00"', "line 1, column 9"),
        (r'"hunter\q"', "line 1, column 8"),
        ("[1, hunter2]", "line 1, column 5"),
        ("01", "line 1, column 2"),
        ("\ufeff{}", "line 1, column 1"),
        ("\xa0{}", "line 1, column 1"),
        ("[NaN]", "NaN or Infinity, which JSON does not have"),
        ("-Infinity", "NaN or Infinity, which JSON does not have"),
        ("[" * 8_000 + "]" * 8_000, "nested too deeply"),
        ('{"a":' * 3_000 + "1" + "}" * 3_000, "nested too deeply"),
        ("[" * 16_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_value_is_refused_without_quoting_it(text: str, sentence: str) -> None:
    with pytest.raises(TextRefused, match=sentence) as caught:
        json_value(text)
    assert "hunter" not in str(caught.value)
