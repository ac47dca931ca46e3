"""Recipients on the wire."""

from __future__ import annotations

from services.preference.domain.models import (
    DEFAULT_LOCALE,
    DEFAULT_TIME_ZONE,
    Recipient,
    RecipientProfile,
)
from tidings.preference.v1 import recipient_service_pb2 as pb


def profile_from_proto(message: pb.Recipient) -> RecipientProfile:
    """Reads a recipient; what is left empty gets its documented default."""
    return RecipientProfile(
        recipient_id=message.recipient_id,
        emails=tuple(message.emails),
        phone_numbers=tuple(message.phone_numbers),
        locale=message.locale or DEFAULT_LOCALE,
        time_zone=message.time_zone or DEFAULT_TIME_ZONE,
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
    )
    message.create_time.FromDatetime(recipient.create_time)
    message.update_time.FromDatetime(recipient.update_time)
    return message
