"""Preferences on the wire."""

from __future__ import annotations

from services.preference.domain.filters import PreferenceFilter
from services.preference.domain.models import ListedPreference, Preference, PreferenceChange
from services.preference.wire.enums import (
    CHANNEL_FROM_PROTO,
    CHANNEL_TO_PROTO,
    CHOICE_FROM_PROTO,
    CHOICE_TO_PROTO,
)
from tidings.preference.v1 import preference_service_pb2 as pb


def change_from_proto(message: pb.Preference) -> PreferenceChange:
    """Reads a preference to set, or to clear when it says nothing."""
    return PreferenceChange(
        category=message.category or None,
        channel=CHANNEL_FROM_PROTO[message.channel] if message.channel else None,
        choice=CHOICE_FROM_PROTO[message.choice] if message.choice else None,
    )


def preference_to_proto(preference: Preference) -> pb.Preference:
    """Writes a preference that is set."""
    message = pb.Preference(
        category=preference.category or "", choice=CHOICE_TO_PROTO[preference.choice]
    )
    if preference.channel is not None:
        message.channel = CHANNEL_TO_PROTO[preference.channel]
    return message


def listed_to_proto(listed: ListedPreference) -> pb.RecipientPreference:
    """Writes a preference with the one who has it."""
    return pb.RecipientPreference(
        recipient_id=listed.recipient_id, preference=preference_to_proto(listed.preference)
    )


def filter_from_proto(request: pb.ListPreferencesRequest) -> PreferenceFilter:
    """Reads which preferences a list shall show."""
    return PreferenceFilter(
        category=request.category or None,
        channel=CHANNEL_FROM_PROTO[request.channel] if request.channel else None,
        choice=CHOICE_FROM_PROTO[request.choice] if request.choice else None,
    )
