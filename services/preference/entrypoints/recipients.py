"""RecipientService."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from libs.errors import TidingsError
from libs.idempotency import RequestIds
from libs.identity.caller import current_caller
from libs.paging import listing_of, page_from_proto, page_token_to_proto
from libs.postgres.transaction import Connection
from libs.rpc.masks import masked
from libs.rpc.pipeline import Context
from libs.rpc.status import status_of
from libs.rpc.validation import validate
from services.preference.domain.models import Recipient
from services.preference.usecases.check_profiles import CheckProfiles
from services.preference.usecases.delete_recipient import DeleteRecipient
from services.preference.usecases.get_recipient import GetRecipient
from services.preference.usecases.list_recipients import ListRecipients
from services.preference.usecases.update_recipient import UpdateRecipient
from services.preference.usecases.upsert_recipients import UpsertRecipients
from services.preference.wire.recipient import (
    CHANGEABLE,
    changed_profile,
    filter_from_proto,
    patch_from_proto,
    recipient_to_proto,
    upsert_from_proto,
)
from tidings.preference.v1 import recipient_service_pb2 as pb
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientServicer(RecipientServiceServicer):
    """Stores and reads recipients for users' backends."""

    request_ids: RequestIds
    check_profiles: CheckProfiles
    upsert_recipients: UpsertRecipients
    update_recipient: UpdateRecipient
    delete_recipient: DeleteRecipient
    get_recipient: GetRecipient
    list_recipients: ListRecipients

    async def UpsertRecipient(
        self, request: pb.UpsertRecipientRequest, context: Context
    ) -> pb.UpsertRecipientResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        upsert = upsert_from_proto(request.recipient)
        _refuse(await self.check_profiles([upsert.profile]))

        async def work(connection: Connection) -> pb.UpsertRecipientResponse:
            recipient = await self.upsert_recipients.alone(connection, tenant_id, upsert)
            return pb.UpsertRecipientResponse(recipient=recipient_to_proto(recipient))

        return await self.request_ids.once(tenant_id, request, pb.UpsertRecipientResponse, work)

    async def UpsertRecipients(
        self, request: pb.UpsertRecipientsRequest, context: Context
    ) -> pb.UpsertRecipientsResponse:
        """See the contract."""
        faults = [_fault(recipient) for recipient in request.recipients]
        upserts = {
            place: upsert_from_proto(recipient)
            for place, recipient in enumerate(request.recipients)
            if faults[place] is None
        }
        profiles = [upsert.profile for upsert in upserts.values()]
        for place, fault in zip(upserts, await self.check_profiles(profiles), strict=True):
            faults[place] = fault
        good = [upsert for place, upsert in upserts.items() if faults[place] is None]
        stored = iter(await self.upsert_recipients.together(current_caller().tenant_id, good))
        return pb.UpsertRecipientsResponse(
            results=[_result(fault or next(stored)) for fault in faults]
        )

    async def UpdateRecipient(
        self, request: pb.UpdateRecipientRequest, context: Context
    ) -> pb.UpdateRecipientResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        patch = request.recipient
        fields = masked(request.update_mask, patch, changeable=CHANGEABLE)
        _refuse(await self.check_profiles([patch_from_proto(patch, fields)]))

        async def work(connection: Connection) -> pb.UpdateRecipientResponse:
            recipient = await self.update_recipient(
                connection,
                tenant_id,
                patch.recipient_id,
                lambda current: changed_profile(current, patch, fields),
                etag=patch.etag,
                reopen_webhooks="webhook_url" in fields,
            )
            return pb.UpdateRecipientResponse(recipient=recipient_to_proto(recipient))

        return await self.request_ids.once(tenant_id, request, pb.UpdateRecipientResponse, work)

    async def DeleteRecipient(
        self, request: pb.DeleteRecipientRequest, context: Context
    ) -> pb.DeleteRecipientResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id

        async def work(connection: Connection) -> pb.DeleteRecipientResponse:
            await self.delete_recipient(
                connection, tenant_id, request.recipient_id, etag=request.etag
            )
            return pb.DeleteRecipientResponse()

        return await self.request_ids.once(tenant_id, request, pb.DeleteRecipientResponse, work)

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
        listing = listing_of(request)
        wanted = page_from_proto(listing, tenant_id, request.page_size, request.page_token)
        page = await self.list_recipients(tenant_id, filter_from_proto(request), wanted)
        return pb.ListRecipientsResponse(
            recipients=[recipient_to_proto(recipient) for recipient in page.items],
            next_page_token=page_token_to_proto(listing, tenant_id, page.last_key),
        )


def _refuse(faults: Sequence[TidingsError | None]) -> None:
    for fault in faults:
        if fault is not None:
            raise fault


def _fault(recipient: pb.Recipient) -> TidingsError | None:
    try:
        # Each entry is judged as if it had come alone, and its fields are named so.
        validate(pb.UpsertRecipientRequest(recipient=recipient))
    except TidingsError as error:
        return error
    return None


def _result(result: Recipient | TidingsError) -> pb.UpsertRecipientResult:
    if isinstance(result, Recipient):
        return pb.UpsertRecipientResult(recipient=recipient_to_proto(result))
    return pb.UpsertRecipientResult(error=status_of(result, str(uuid4())))
