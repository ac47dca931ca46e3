"""Ports for the servers of tests."""

from __future__ import annotations

from libs.embedded.ports import choose_port

_given: set[int] = set()


def free_port() -> int:
    """Gives a free port, and never the same one twice: it may not be listened on yet."""
    while (port := choose_port()) in _given:
        pass
    _given.add(port)
    return port
