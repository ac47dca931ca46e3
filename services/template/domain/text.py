"""What becomes of a rendered text before it leaves."""

from __future__ import annotations

import json
import re
from typing import NoReturn

# Unfit for mail headers, HTML and PostgreSQL alike; tabs and line ends stay.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Nothing in it that ends an attribute, hides the host or is read differently by different browsers.
_LINK = re.compile(r"https?://[^\s/?#\\@\"<>]+(?:[/?#][^\s\\\"<>]*)?", re.IGNORECASE)
_JSON_SPACE = " \t\r\n"


class TextRefused(Exception):
    """A rendered text does not fit its place; says why, without quoting it."""


def clean(text: str) -> str:
    """Drops control characters; raises TextRefused for half a character, which UTF-8 cannot hold."""
    if text.isascii() and text.isprintable():
        return text
    _refuse_half_characters(text)
    return _CONTROLS.sub("", text)


def one_line(text: str) -> str:
    """Collapses white space and line ends, so that nothing can start a second header."""
    return " ".join(clean(" ".join(text.split())).split())


def link(text: str) -> str:
    """Returns an absolute web address or ''; raises TextRefused for `javascript:` and everything else."""
    address = clean(text.strip())
    if address and not _LINK.fullmatch(address):
        raise TextRefused("must render to an absolute http or https URL, or to nothing")
    return address


def json_value(text: str) -> str:
    """Returns one JSON value (RFC 8259) without white space around it; raises TextRefused for anything else."""
    _refuse_half_characters(text)
    value = text.strip(_JSON_SPACE)
    try:
        # Numbers stay texts: Python bounds their digits, JSON does not.
        json.loads(value, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        # The error's own words may quote.
        place = f"line {error.lineno}, column {error.colno}"
        raise TextRefused(
            f"must render to one JSON value, and what it renders to breaks off at {place};"
            " write values with the filter tojson"
        ) from None
    except RecursionError:
        raise TextRefused("renders to JSON that is nested too deeply") from None
    return value


def _refuse_half_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TextRefused("renders to half a surrogate pair") from None


def _refuse_constant(_: str) -> NoReturn:
    raise TextRefused("renders to NaN or Infinity, which JSON does not have")
