"""What becomes of a rendered text before it leaves."""

from __future__ import annotations

import re

# Unfit for mail headers, HTML and PostgreSQL alike; tabs and line ends stay.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Nothing in it that ends an attribute, hides the host or is read differently by different browsers.
_LINK = re.compile(r"https?://[^\s/?#\\@\"<>]+(?:[/?#][^\s\\\"<>]*)?", re.IGNORECASE)


class TextRefused(Exception):
    """A rendered text does not fit its place; says why, without quoting it."""


def clean(text: str) -> str:
    """Drops control characters; raises TextRefused for half a character, which UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TextRefused("renders to half a surrogate pair") from None
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
