"""Shorthands for what tests do with recipients."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from tests.integration.preference.api import Api
from tidings.preference.v1.recipient_service_pb2 import (
    DeleteRecipientRequest,
    GetRecipientRequest,
    ListRecipientsRequest,
    Recipient,
    UpdateRecipientRequest,
    UpsertRecipientRequest,
    UpsertRecipientResult,
    UpsertRecipientsRequest,
)

ALICE = Recipient(
    recipient_id="alice",
    emails=["a@example.com", "b@example.com"],
    phone_numbers=["+4915112345678"],
    locale="de",
    time_zone="Europe/Berlin",
    webhook_url="https://example.com/alice?x=1",
)


async def upsert(api: Api, recipient: Recipient, request_id: str = "") -> Recipient:
    request = UpsertRecipientRequest(recipient=recipient, request_id=request_id)
    return (await api.recipients.UpsertRecipient(request, metadata=api.metadata)).recipient


async def update(
    api: Api, patch: Recipient, paths: Sequence[str] = (), request_id: str = ""
) -> Recipient:
    request = UpdateRecipientRequest(recipient=patch, request_id=request_id)
    if paths:
        request.update_mask.CopyFrom(FieldMask(paths=paths))
    return (await api.recipients.UpdateRecipient(request, metadata=api.metadata)).recipient


async def get(api: Api, recipient_id: str = "alice") -> Recipient:
    request = GetRecipientRequest(recipient_id=recipient_id)
    return (await api.recipients.GetRecipient(request, metadata=api.metadata)).recipient


async def delete(api: Api, recipient_id: str = "alice", *, etag: str = "") -> None:
    request = DeleteRecipientRequest(recipient_id=recipient_id, etag=etag)
    await api.recipients.DeleteRecipient(request, metadata=api.metadata)


async def import_all(api: Api, recipients: Sequence[Recipient]) -> list[UpsertRecipientResult]:
    request = UpsertRecipientsRequest(recipients=recipients)
    response = await api.recipients.UpsertRecipients(request, metadata=api.metadata)
    return list(response.results)


async def ids(api: Api, size: int = 0, **wanted: str) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = await api.recipients.ListRecipients(
            ListRecipientsRequest(page_size=size, page_token=token, **wanted),
            metadata=api.metadata,
        )
        found += [recipient.recipient_id for recipient in page.recipients]
        token = page.next_page_token
        if not token:
            return found


def but(recipient: Recipient, **fields: object) -> Recipient:
    """Returns the recipient with other fields."""
    changed = Recipient()
    changed.CopyFrom(recipient)
    for name in fields:
        changed.ClearField(name)  # type: ignore[arg-type]
    changed.MergeFrom(Recipient(**fields))  # type: ignore[arg-type]
    return changed
