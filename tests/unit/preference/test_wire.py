from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from services.preference.domain.models import (
    Category,
    CategoryClass,
    CategoryDefinition,
    Channel,
    Choice,
    Guarantee,
    Preference,
    Priority,
    Recipient,
    RecipientProfile,
)
from services.preference.domain.planning import Outcome, Reason
from services.preference.wire import enums
from services.preference.wire.category import category_to_proto, definition_from_proto
from services.preference.wire.preference import change_from_proto, preference_to_proto
from services.preference.wire.recipient import profile_from_proto, recipient_to_proto
from tidings.common.v1 import channel_pb2, priority_pb2
from tidings.internal.preference.v1 import planning_service_pb2
from tidings.preference.v1 import (
    category_service_pb2,
    channel_decision_pb2,
    preference_service_pb2,
    recipient_service_pb2,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "contract"),
    [
        (enums.CHANNEL_TO_PROTO, channel_pb2.Channel),
        (enums.PRIORITY_TO_PROTO, priority_pb2.Priority),
        (enums.CLASS_TO_PROTO, category_service_pb2.CategoryClass),
        (enums.GUARANTEE_TO_PROTO, category_service_pb2.Guarantee),
        (enums.CHOICE_TO_PROTO, preference_service_pb2.PreferenceChoice),
        (enums.REASON_TO_PROTO, channel_decision_pb2.ChannelDecisionReason),
        (enums.OUTCOME_TO_PROTO, planning_service_pb2.PlanOutcome),
    ],
)
def test_every_value_of_the_contract_is_known(
    table: dict[object, int], contract: EnumTypeWrapper
) -> None:
    assert sorted(table.values()) == sorted(value for value in contract.values() if value)


def test_every_value_of_the_domain_can_be_said() -> None:
    assert set(enums.REASON_TO_PROTO) == set(Reason)
    assert set(enums.OUTCOME_TO_PROTO) == set(Outcome)


def test_a_recipient_goes_round() -> None:
    profile = RecipientProfile(
        recipient_id="alice",
        emails=("a@example.com",),
        phone_numbers=("+4915112345678",),
        locale="pt-BR",
        time_zone="Europe/Berlin",
        webhook_url="https://example.com/hook",
    )
    message = recipient_to_proto(
        Recipient(profile=profile, etag="e1", create_time=NOW, update_time=NOW + timedelta(days=1))
    )
    assert profile_from_proto(message) == profile
    assert message.etag == "e1"
    assert message.create_time.ToDatetime(UTC) == NOW
    assert message.update_time.ToDatetime(UTC) == NOW + timedelta(days=1)


def test_what_a_recipient_leaves_out_has_its_default() -> None:
    profile = profile_from_proto(recipient_service_pb2.Recipient(recipient_id="alice"))
    assert (profile.locale, profile.time_zone) == ("en", "UTC")


def test_a_category_goes_round() -> None:
    definition = CategoryDefinition(
        name="order.shipped",
        category_class=CategoryClass.REMINDER,
        channels=(Channel.IN_APP, Channel.EMAIL),
        priority=Priority.CRITICAL,
        ttl=timedelta(seconds=90, microseconds=5),
        guarantee=Guarantee.AT_MOST_ONCE,
    )
    message = category_to_proto(
        Category(definition=definition, etag="e1", create_time=NOW, update_time=NOW)
    )
    assert definition_from_proto(message) == definition
    assert message.etag == "e1"


def test_what_a_category_leaves_out_has_its_default() -> None:
    message = category_service_pb2.Category(name="a", channels=[channel_pb2.CHANNEL_EMAIL])
    message.category_class = category_service_pb2.CATEGORY_CLASS_MARKETING
    definition = definition_from_proto(message)
    assert definition.priority is Priority.NORMAL
    assert definition.ttl == timedelta(days=3)
    assert definition.guarantee is Guarantee.AT_LEAST_ONCE


@pytest.mark.parametrize("category", [None, "a.b"])
@pytest.mark.parametrize("channel", [None, *Channel])
@pytest.mark.parametrize("choice", Choice)
def test_a_preference_goes_round(
    category: str | None, channel: Channel | None, choice: Choice
) -> None:
    preference = Preference(category=category, channel=channel, choice=choice)
    change = change_from_proto(preference_to_proto(preference))
    assert (change.category, change.channel, change.choice) == (category, channel, choice)


def test_no_choice_clears() -> None:
    assert change_from_proto(preference_service_pb2.Preference(category="a")).choice is None
