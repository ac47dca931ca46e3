"""Clients that follow a feed from its beginning with the feed of the command line."""

from __future__ import annotations

from datetime import UTC, timedelta

import grpc

from cli.inbox_feed import (
    Backoff,
    ChangeType,
    Connected,
    FeedClosed,
    FeedEvent,
    FeedRefused,
    FeedSettings,
    ItemChanged,
    SnapshotApplied,
    Token,
    TokenUnavailable,
    subscribe,
)
from tests.chaos.facts import Change
from tests.chaos.patience import CALL_SECONDS, PASSING
from tests.chaos.tenants import Tenant
from tidings.access.v1.access_service_pb2 import IssueRecipientTokenRequest

_SETTINGS = FeedSettings(
    device_id="follower",
    heartbeat_interval=timedelta(seconds=5),
    backoff=Backoff(base=0.2, longest=0.5),
)


class Follower:
    """One client of one recipient, which resumes by cursor."""

    def __init__(self, tenant: Tenant, recipient: str) -> None:
        self.changes: list[Change] = []
        """All that it was given, in order."""
        self.faults: list[str] = []
        """What the contract of the feed rules out."""
        self._tenant = tenant
        self._recipient = recipient

    async def run(self) -> None:
        """Follows until cancelled."""
        try:
            stub = self._tenant.reading.stream
            async with subscribe(stub, self._token, _SETTINGS) as feed:
                async for event in feed:
                    self._note(event)
        except (FeedClosed, FeedRefused) as error:
            self.faults.append(f"ended for good: {error}")

    def _note(self, event: FeedEvent) -> None:
        match event:
            case ItemChanged():
                self._add(event.item.item_id, event.item.sequence, event.type is ChangeType.ADDED)
            case SnapshotApplied():
                if event.resync is not None or self.changes:
                    self.faults.append("had to begin anew although nothing was forgotten")
                for item in sorted(event.items, key=lambda item: item.sequence):
                    self._add(item.item_id, item.sequence, True)
            case Connected():
                if event.resumed is False:
                    self.faults.append("a cursor was not honoured")

    def _add(self, item_id: str, sequence: int, added: bool) -> None:
        self.changes.append(Change(item_id=item_id, sequence=sequence, added=added))

    async def _token(self) -> Token:
        api = self._tenant.settled
        try:
            issued = await api.access.IssueRecipientToken(
                IssueRecipientTokenRequest(recipient_id=self._recipient),
                metadata=api.metadata,
                timeout=CALL_SECONDS,
            )
        except grpc.aio.AioRpcError as error:
            if error.code() in PASSING:
                raise TokenUnavailable(error.code().name) from None
            raise
        return Token(value=issued.token, expire_time=issued.expire_time.ToDatetime(UTC))
