"""Conditional changes."""

from __future__ import annotations

from libs.errors import EtagMismatch


def check_etag(what: str, given: str, current: str) -> None:
    """Raises EtagMismatch when an etag is given and not the current one, which is '' where there is
    nothing. `what` names the resource."""
    if given not in ("", current):
        raise EtagMismatch(what, current)
