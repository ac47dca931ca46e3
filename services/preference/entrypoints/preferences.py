"""PreferenceService."""

from __future__ import annotations

from dataclasses import dataclass

from libs.identity.caller import current_caller
from libs.rpc.pipeline import Context
from services.preference.usecases.get_preferences import GetPreferences
from services.preference.usecases.update_preferences import UpdatePreferences
from services.preference.wire.preference import change_from_proto, preference_to_proto
from tidings.preference.v1 import preference_service_pb2 as pb
from tidings.preference.v1.preference_service_pb2_grpc import PreferenceServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceServicer(PreferenceServiceServicer):
    """Changes and reads what recipients want."""

    update_preferences: UpdatePreferences
    get_preferences: GetPreferences

    async def UpdatePreferences(
        self, request: pb.UpdatePreferencesRequest, context: Context
    ) -> pb.UpdatePreferencesResponse:
        """See the contract."""
        changes = [change_from_proto(message) for message in request.preferences]
        preferences = await self.update_preferences(
            current_caller().tenant_id, request.recipient_id, changes
        )
        return pb.UpdatePreferencesResponse(
            preferences=[preference_to_proto(preference) for preference in preferences]
        )

    async def GetPreferences(
        self, request: pb.GetPreferencesRequest, context: Context
    ) -> pb.GetPreferencesResponse:
        """See the contract."""
        preferences = await self.get_preferences(current_caller().tenant_id, request.recipient_id)
        return pb.GetPreferencesResponse(
            preferences=[preference_to_proto(preference) for preference in preferences]
        )
