"""Clients of Redis."""

from __future__ import annotations

from redis.asyncio import Redis


def open_redis(url: str) -> Redis:
    """Returns a client, to be entered. Its calls have no deadline of their own: callers set one.

    With a deadline of its own the client sends through `asyncio.wait_for`, which before Python 3.12 swallows
    a cancellation that comes as the sending ends: the loop that was to end goes on.
    """
    return Redis.from_url(url, socket_timeout=None)
