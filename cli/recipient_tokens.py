"""Tokens of one recipient, issued with the command's API key."""

from __future__ import annotations

from datetime import UTC

from cli.errors import Refused, Unreachable
from cli.inbox_feed import Token, TokenUnavailable
from cli.retrying import may_pass
from cli.session import Session
from tidings.access.v1.access_service_pb2 import IssueRecipientTokenRequest
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub


class RecipientTokens:
    """A token source. `prepare` first, so that a wrong key or address is told before anything."""

    def __init__(self, session: Session, recipient_id: str) -> None:
        self._session = session
        self._stub = AccessServiceStub(session.channel)
        self._request = IssueRecipientTokenRequest(recipient_id=recipient_id)
        self._prepared: Token | None = None

    async def prepare(self) -> None:
        """Fetches the first token; raises Refused or Unreachable."""
        self._prepared = await self._issue()

    async def __call__(self) -> Token:
        """Returns a fresh token; raises TokenUnavailable when it may be had later."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            return prepared
        try:
            return await self._issue()
        except (Refused, Unreachable) as error:
            if may_pass(error):
                raise TokenUnavailable(error.sentence) from None
            raise

    async def _issue(self) -> Token:
        response = await self._session.ask(self._stub.IssueRecipientToken, self._request)
        return Token(value=response.token, expire_time=response.expire_time.ToDatetime(UTC))
