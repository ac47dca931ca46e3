"""What becomes of a rendered text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.template.domain.text import TextRefused, clean, link, one_line


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


@pytest.mark.parametrize("finish", [clean, one_line, link])
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
