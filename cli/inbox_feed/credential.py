"""The token of a subscription: kept while it is good, fetched anew when it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cli.inbox_feed.events import Token, TokenSource

_MARGIN = timedelta(seconds=5)


class Credential:
    """Knows when a fresh token helps and when the refusal is meant."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._token: Token | None = None
        self._refusals = 0

    async def token(self) -> str:
        """Returns a token that is not known to be stale; raises what the source raises."""
        if self._token is None or _expires_soon(self._token):
            self._token = await self._source()
        return self._token.value

    def accepted(self) -> None:
        """The server let us in."""
        self._refusals = 0

    def discard(self) -> None:
        """The token is of no more use."""
        self._token = None

    def refused(self) -> bool:
        """The server let us not in. Returns whether to try with a fresh token: once in a row."""
        self.discard()
        self._refusals += 1
        return self._refusals == 1


def _expires_soon(token: Token) -> bool:
    return token.expire_time is not None and token.expire_time - _MARGIN <= datetime.now(UTC)
