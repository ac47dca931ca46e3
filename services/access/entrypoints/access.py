"""AccessService."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.idempotency import RequestIds
from libs.identity.caller import current_caller
from libs.paging import listing_of, page_from_proto, page_token_to_proto
from libs.postgres.transaction import Connection
from libs.rpc.pipeline import Context
from services.access.usecases.create_api_key import CreateApiKey, KeyRequest
from services.access.usecases.get_api_key import GetApiKey
from services.access.usecases.issue_recipient_token import IssueRecipientToken
from services.access.usecases.list_api_keys import ListApiKeys
from services.access.usecases.require_scopes import require_scopes
from services.access.usecases.revoke_api_key import RevokeApiKey
from services.access.usecases.update_api_key import update_api_key
from services.access.wire.api_key import (
    api_key_to_proto,
    key_change_from_proto,
    lifetime_from_proto,
)
from tidings.access.v1 import access_service_pb2 as pb
from tidings.access.v1.access_service_pb2_grpc import AccessServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessServicer(AccessServiceServicer):
    """Manages keys and issues tokens for users' backends."""

    request_ids: RequestIds
    create_api_key: CreateApiKey
    get_api_key: GetApiKey
    list_api_keys: ListApiKeys
    revoke_api_key: RevokeApiKey
    issue_recipient_token: IssueRecipientToken
    json_web_key_set: str

    async def CreateApiKey(
        self, request: pb.CreateApiKeyRequest, context: Context
    ) -> pb.CreateApiKeyResponse:
        """See the contract."""
        caller = current_caller()
        wanted = KeyRequest(
            tenant_id=caller.tenant_id,
            display_name=request.display_name,
            scopes=tuple(request.scopes),
            lifetime=lifetime_from_proto(request.ttl) if request.HasField("ttl") else None,
        )

        async def create(connection: Connection) -> pb.CreateApiKeyResponse:
            api_key, secret = await self.create_api_key(connection, wanted)
            return pb.CreateApiKeyResponse(api_key=api_key_to_proto(api_key), secret=secret.text)

        # Before the answer of the first call is looked for: it has the secret in it.
        require_scopes(caller.scopes, wanted.scopes)
        return await self.request_ids.once(
            caller.tenant_id, request, pb.CreateApiKeyResponse, create
        )

    async def GetApiKey(
        self, request: pb.GetApiKeyRequest, context: Context
    ) -> pb.GetApiKeyResponse:
        """See the contract."""
        api_key = await self.get_api_key(current_caller().tenant_id, UUID(request.key_id))
        return pb.GetApiKeyResponse(api_key=api_key_to_proto(api_key))

    async def ListApiKeys(
        self, request: pb.ListApiKeysRequest, context: Context
    ) -> pb.ListApiKeysResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        listing = listing_of(request)
        wanted = page_from_proto(listing, tenant_id, request.page_size, request.page_token)
        page = await self.list_api_keys(tenant_id, wanted, active_only=request.active_only)
        return pb.ListApiKeysResponse(
            api_keys=[api_key_to_proto(api_key) for api_key in page.items],
            next_page_token=page_token_to_proto(listing, tenant_id, page.last_key),
        )

    async def UpdateApiKey(
        self, request: pb.UpdateApiKeyRequest, context: Context
    ) -> pb.UpdateApiKeyResponse:
        """See the contract."""
        caller = current_caller()
        change = key_change_from_proto(request)

        async def update(connection: Connection) -> pb.UpdateApiKeyResponse:
            api_key = await update_api_key(
                connection,
                caller.tenant_id,
                UUID(request.key_id),
                change,
                etag=request.etag,
                held=caller.scopes,
            )
            return pb.UpdateApiKeyResponse(api_key=api_key_to_proto(api_key))

        return await self.request_ids.once(
            caller.tenant_id, request, pb.UpdateApiKeyResponse, update
        )

    async def RevokeApiKey(
        self, request: pb.RevokeApiKeyRequest, context: Context
    ) -> pb.RevokeApiKeyResponse:
        """See the contract."""
        api_key = await self.revoke_api_key(current_caller().tenant_id, UUID(request.key_id))
        return pb.RevokeApiKeyResponse(api_key=api_key_to_proto(api_key))

    async def IssueRecipientToken(
        self, request: pb.IssueRecipientTokenRequest, context: Context
    ) -> pb.IssueRecipientTokenResponse:
        """See the contract."""
        lifetime = lifetime_from_proto(request.ttl) if request.HasField("ttl") else None
        issued = self.issue_recipient_token(
            current_caller().tenant_id, request.recipient_id, lifetime
        )
        response = pb.IssueRecipientTokenResponse(token=issued.token)
        response.expire_time.FromDatetime(issued.expire_time)
        return response

    async def GetJsonWebKeySet(
        self, request: pb.GetJsonWebKeySetRequest, context: Context
    ) -> pb.GetJsonWebKeySetResponse:
        """See the contract."""
        return pb.GetJsonWebKeySetResponse(json_web_key_set=self.json_web_key_set)
