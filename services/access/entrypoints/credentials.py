"""CredentialService, for the authenticators of the other services."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rpc.pipeline import Context
from services.access.usecases.look_up_api_key import LookUpApiKey
from services.access.wire.api_key import lookup_to_proto
from tidings.internal.access.v1 import credential_service_pb2 as pb
from tidings.internal.access.v1.credential_service_pb2_grpc import CredentialServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialServicer(CredentialServiceServicer):
    """Says whose credentials are."""

    look_up_api_key: LookUpApiKey
    json_web_key_set: str

    async def LookUpApiKey(
        self, request: pb.LookUpApiKeyRequest, context: Context
    ) -> pb.LookUpApiKeyResponse:
        """See the contract."""
        return lookup_to_proto(await self.look_up_api_key(request.secret_hash))

    async def GetVerificationKeys(
        self, request: pb.GetVerificationKeysRequest, context: Context
    ) -> pb.GetVerificationKeysResponse:
        """See the contract."""
        return pb.GetVerificationKeysResponse(json_web_key_set=self.json_web_key_set)
