"""Recipients on the wire."""

from __future__ import annotations

from collections.abc import Collection

from libs.rpc.masks import merge
from services.preference.domain.changes import RecipientUpsert
from services.preference.domain.filters import RecipientFilter
from services.preference.domain.models import (
    DEFAULT_LOCALE,
    DEFAULT_TIME_ZONE,
    Recipient,
    RecipientProfile,
)
from tidings.preference.v1 import recipient_service_pb2 as pb

CHANGEABLE = ("emails", "phone_numbers", "locale", "time_zone", "webhook_url")
"""Fields that an update mask may name."""


def profile_from_proto(message: pb.Recipient) -> RecipientProfile:
    """Reads a recipient; what is left empty gets its documented default."""
    return RecipientProfile(
        recipient_id=message.recipient_id,
        emails=tuple(message.emails),
        phone_numbers=tuple(message.phone_numbers),
        locale=message.locale or DEFAULT_LOCALE,
        time_zone=message.time_zone or DEFAULT_TIME_ZONE,
        webhook_url=message.webhook_url,
    )


def upsert_from_proto(message: pb.Recipient) -> RecipientUpsert:
    """Reads a recipient to store."""
    return RecipientUpsert(profile=profile_from_proto(message), etag=message.etag)


def patch_from_proto(patch: pb.Recipient, fields: Collection[str]) -> RecipientProfile:
    """Reads what is new in a change: a profile of the fields alone."""
    alone = pb.Recipient(recipient_id=patch.recipient_id)
    merge(alone, patch, fields)
    return profile_from_proto(alone)


def changed_profile(
    current: Recipient, patch: pb.Recipient, fields: Collection[str]
) -> RecipientProfile:
    """Returns the profile with those fields as the patch has them."""
    whole = recipient_to_proto(current)
    merge(whole, patch, fields)
    return profile_from_proto(whole)


def filter_from_proto(request: pb.ListRecipientsRequest) -> RecipientFilter:
    """Reads whom a list shall show."""
    return RecipientFilter(
        id_prefix=request.id_prefix, email=request.email, phone_number=request.phone_number
    )


def recipient_to_proto(recipient: Recipient) -> pb.Recipient:
    """Writes a stored recipient."""
    profile = recipient.profile
    message = pb.Recipient(
        recipient_id=profile.recipient_id,
        emails=profile.emails,
        phone_numbers=profile.phone_numbers,
        locale=profile.locale,
        time_zone=profile.time_zone,
        webhook_url=profile.webhook_url,
        etag=recipient.etag,
    )
    if profile.webhook_gone_time is not None:
        message.webhook_gone_time.FromDatetime(profile.webhook_gone_time)
    message.create_time.FromDatetime(recipient.create_time)
    message.update_time.FromDatetime(recipient.update_time)
    return message
