"""PreferenceService."""

from __future__ import annotations

from dataclasses import dataclass

from libs.idempotency import RequestIds
from libs.identity.caller import current_caller
from libs.paging import listing_of, page_from_proto, page_token_to_proto
from libs.postgres.transaction import Connection
from libs.rpc.pipeline import Context
from services.preference.usecases.get_preferences import GetPreferences
from services.preference.usecases.list_preferences import ListPreferences
from services.preference.usecases.update_preferences import UpdatePreferences
from services.preference.wire.preference import (
    change_from_proto,
    filter_from_proto,
    listed_to_proto,
    preference_to_proto,
)
from tidings.preference.v1 import preference_service_pb2 as pb
from tidings.preference.v1.preference_service_pb2_grpc import PreferenceServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceServicer(PreferenceServiceServicer):
    """Changes and reads what recipients want."""

    request_ids: RequestIds
    update_preferences: UpdatePreferences
    get_preferences: GetPreferences
    list_preferences: ListPreferences

    async def UpdatePreferences(
        self, request: pb.UpdatePreferencesRequest, context: Context
    ) -> pb.UpdatePreferencesResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        changes = [change_from_proto(message) for message in request.preferences]

        async def work(connection: Connection) -> pb.UpdatePreferencesResponse:
            stored = await self.update_preferences(
                connection,
                tenant_id,
                request.recipient_id,
                changes,
                replace=request.replace,
                etag=request.etag,
            )
            return pb.UpdatePreferencesResponse(
                preferences=map(preference_to_proto, stored.preferences), etag=stored.etag
            )

        return await self.request_ids.once(tenant_id, request, pb.UpdatePreferencesResponse, work)

    async def DeletePreferences(
        self, request: pb.DeletePreferencesRequest, context: Context
    ) -> pb.DeletePreferencesResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id

        async def work(connection: Connection) -> pb.DeletePreferencesResponse:
            await self.update_preferences(
                connection, tenant_id, request.recipient_id, [], replace=True, etag=request.etag
            )
            return pb.DeletePreferencesResponse()

        return await self.request_ids.once(tenant_id, request, pb.DeletePreferencesResponse, work)

    async def GetPreferences(
        self, request: pb.GetPreferencesRequest, context: Context
    ) -> pb.GetPreferencesResponse:
        """See the contract."""
        stored = await self.get_preferences(current_caller().tenant_id, request.recipient_id)
        return pb.GetPreferencesResponse(
            preferences=map(preference_to_proto, stored.preferences), etag=stored.etag
        )

    async def ListPreferences(
        self, request: pb.ListPreferencesRequest, context: Context
    ) -> pb.ListPreferencesResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        listing = listing_of(request)
        wanted = page_from_proto(listing, tenant_id, request.page_size, request.page_token)
        page = await self.list_preferences(tenant_id, filter_from_proto(request), wanted)
        return pb.ListPreferencesResponse(
            preferences=map(listed_to_proto, page.items),
            next_page_token=page_token_to_proto(listing, tenant_id, page.last_key),
        )
