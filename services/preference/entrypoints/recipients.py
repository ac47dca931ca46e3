"""RecipientService."""

from __future__ import annotations

from dataclasses import dataclass

from libs.identity.caller import current_caller
from libs.paging import page_from_proto, page_token_to_proto
from libs.rpc.pipeline import Context
from services.preference.usecases.get_recipient import GetRecipient
from services.preference.usecases.list_recipients import ListRecipients
from services.preference.usecases.upsert_recipient import UpsertRecipient
from services.preference.wire.recipient import profile_from_proto, recipient_to_proto
from tidings.preference.v1 import recipient_service_pb2 as pb
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceServicer

_LISTING = "recipients"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientServicer(RecipientServiceServicer):
    """Stores and reads recipients for users' backends."""

    upsert_recipient: UpsertRecipient
    get_recipient: GetRecipient
    list_recipients: ListRecipients

    async def UpsertRecipient(
        self, request: pb.UpsertRecipientRequest, context: Context
    ) -> pb.UpsertRecipientResponse:
        """See the contract."""
        profile = profile_from_proto(request.recipient)
        recipient = await self.upsert_recipient(current_caller().tenant_id, profile)
        return pb.UpsertRecipientResponse(recipient=recipient_to_proto(recipient))

    async def GetRecipient(
        self, request: pb.GetRecipientRequest, context: Context
    ) -> pb.GetRecipientResponse:
        """See the contract."""
        recipient = await self.get_recipient(current_caller().tenant_id, request.recipient_id)
        return pb.GetRecipientResponse(recipient=recipient_to_proto(recipient))

    async def ListRecipients(
        self, request: pb.ListRecipientsRequest, context: Context
    ) -> pb.ListRecipientsResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        wanted = page_from_proto(_LISTING, tenant_id, request.page_size, request.page_token)
        page = await self.list_recipients(tenant_id, wanted)
        return pb.ListRecipientsResponse(
            recipients=[recipient_to_proto(recipient) for recipient in page.items],
            next_page_token=page_token_to_proto(_LISTING, tenant_id, page.last_key),
        )
