"""A tenant with one of everything, to make good requests of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import uuid4

import grpc
from google.protobuf.message import Message

from tests.e2e.rpcs.methods import Rpc
from tests.support.api import CATEGORY, TEMPLATE, Api
from tests.support.eventually import eventually
from tidings.access.v1.access_service_pb2 import CreateApiKeyRequest, IssueRecipientTokenRequest
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.preference.v1.preference_service_pb2 import (
    PREFERENCE_CHOICE_DISABLED,
    Preference,
    UpdatePreferencesRequest,
)

_SECONDS = 20
_Unary: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
_Streaming: TypeAlias = "grpc.aio.UnaryStreamMultiCallable[bytes, bytes]"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Ids of what there is."""

    api: Api
    channel: grpc.aio.Channel
    key_id: str
    notification_id: str
    recipient_id: str = "alice"
    category: str = CATEGORY
    template: str = TEMPLATE

    async def call(
        self, rpc: Rpc, request: Message | bytes, *, token: str | None = None
    ) -> Message:
        """Calls with the tenant's admin key, or another credential; returns the answer or its first frame."""
        bearer = self.api.key if token is None else token
        metadata = [("authorization", f"Bearer {bearer}")] if bearer else []
        wire = request if isinstance(request, bytes) else request.SerializeToString()
        if rpc.method.server_streaming:
            return await self._first_frame(rpc, wire, metadata)
        method: _Unary = self.channel.unary_unary(rpc.path)
        answer = await method(wire, metadata=metadata, timeout=_SECONDS)
        return rpc.response_class.FromString(answer)

    async def _first_frame(
        self, rpc: Rpc, wire: bytes, metadata: Sequence[tuple[str, str]]
    ) -> Message:
        method: _Streaming = self.channel.unary_stream(rpc.path)
        call = method(wire, metadata=metadata, timeout=_SECONDS)
        try:
            frame = await call.read()
        finally:
            call.cancel()
        assert isinstance(frame, bytes), await call.code()
        return rpc.response_class.FromString(frame)

    async def key_with(self, scopes: Sequence[Scope.ValueType]) -> str:
        """Returns the secret of a new key."""
        request = CreateApiKeyRequest(display_name="scoped", scopes=scopes)
        answer = await self.api.access.CreateApiKey(
            request, metadata=self.api.metadata, timeout=_SECONDS
        )
        return answer.secret

    async def recipient_token(self) -> str:
        """Returns what the recipient's app holds."""
        answer = await self.api.access.IssueRecipientToken(
            IssueRecipientTokenRequest(recipient_id=self.recipient_id),
            metadata=self.api.metadata,
            timeout=_SECONDS,
        )
        return answer.token


async def make_world(api: Api, channel: grpc.aio.Channel) -> World:
    """Fills a fresh tenant; what was sent has arrived when it returns."""
    await api.seed()
    preferences = UpdatePreferencesRequest(
        recipient_id="alice",
        preferences=[
            Preference(category=CATEGORY, channel=CHANNEL_EMAIL, choice=PREFERENCE_CHOICE_DISABLED)
        ],
    )
    await api.preferences.UpdatePreferences(preferences, metadata=api.metadata)
    created = await api.access.CreateApiKey(
        CreateApiKeyRequest(display_name="spare", scopes=[Scope.SCOPE_INBOX_READ]),
        metadata=api.metadata,
    )
    sent = await api.send(request_id=str(uuid4()))

    async def arrived() -> bool:
        inbox = await api.inbox.ListInboxItems(
            ListInboxItemsRequest(recipient_id="alice"), metadata=api.metadata
        )
        return bool(inbox.items)

    await eventually(arrived, within=20)
    return World(
        api=api,
        channel=channel,
        key_id=created.api_key.key_id,
        notification_id=sent.notification_id,
    )
