"""The patterns of our contracts in words, for who reads an error and not a regular expression."""

from __future__ import annotations

_WORDS = {
    r"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$": "must be a BCP 47 language tag, such as `pt-BR`",
    r"^([a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*)?$": (
        "must be lower-case words joined by dots, such as `order.shipped`, or empty"
    ),
    r"^(\+[1-9][0-9]{6,14})?$": "must be in E.164 form, such as `+4915112345678`, or empty",
    r"^(https?://[^\s@#]+)?$": (
        "must be an absolute http or https URL without user info or fragment, or empty"
    ),
    r"^([a-z0-9][a-z0-9._-]{0,63})?$": (
        "must be at most 64 lower-case letters, digits or `._-`, beginning with a letter or digit"
    ),
    r"^[A-Za-z0-9._-]{1,64}$": "must be 1 to 64 letters, digits or `._-`",
    r"^[A-Za-z0-9._~:@+=/|-]{0,128}$": "must be at most 128 letters, digits or `._~:@+=/|-`",
    r"^[A-Za-z0-9._~:@+=/|-]{1,128}$": "must be 1 to 128 letters, digits or `._~:@+=/|-`",
    r"^[A-Za-z0-9_+/-]*$": "must be an IANA time zone, such as `Europe/Berlin`",
    r"^[A-Za-z][A-Za-z0-9_]{0,63}$": (
        "must begin with a letter and have at most 64 letters, digits or underscores"
    ),
    r"^[\x21-\x7e]{0,128}$": "must be at most 128 visible ASCII characters without spaces",
    r"^[\x21-\x7e]{1,128}$": "must be 1 to 128 visible ASCII characters without spaces",
    r"^[^\x00-\x1f\x7f]*$": "must not have control characters",
    r"^[a-z0-9._-]{0,64}$": "must be at most 64 lower-case letters, digits or `._-`",
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$": (
        "must be 1 to 63 lower-case letters, digits and inner hyphens"
    ),
    r"^[a-z0-9][a-z0-9._-]{0,63}$": (
        "must be 1 to 64 lower-case letters, digits or `._-`, beginning with a letter or digit"
    ),
    r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*$": (
        "must be lower-case words joined by dots, such as `order.shipped`"
    ),
    r"^\+[1-9][0-9]{6,14}$": "must be in E.164 form, such as `+4915112345678`",
}


def in_words(description: str) -> str:
    """Returns what a broken rule asks for; a rule without a pattern says it itself."""
    for pattern, words in _WORDS.items():
        if f"`{pattern}`" in description:
            return words
    return description


def has_words(pattern: str) -> bool:
    """Says whether a pattern can be told in words."""
    return pattern in _WORDS
