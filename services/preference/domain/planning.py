"""Decides on which channels and endpoints a notification goes out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum

from libs.values import value
from services.preference.domain.hierarchy import wants
from services.preference.domain.models import (
    CategoryClass,
    CategoryDefinition,
    Channel,
    Preference,
    RecipientProfile,
)


class Outcome(Enum):
    """What a plan comes to."""

    DELIVER = "deliver"
    """There is at least one delivery."""
    SUPPRESS = "suppress"
    """No channel remains; the decisions say why."""
    RECIPIENT_UNKNOWN = "recipient_unknown"
    """The recipient is gone."""
    CATEGORY_UNKNOWN = "category_unknown"
    """The category is gone."""


class Reason(Enum):
    """Why a channel is or is not used."""

    SELECTED = "selected"
    """Used."""
    DISABLED_BY_RECIPIENT = "disabled_by_recipient"
    """The recipient switched it off."""
    NO_CONTACT_POINT = "no_contact_point"
    """The recipient has no address there."""
    NOT_IN_TEMPLATE = "not_in_template"
    """There is no content for it."""
    ALREADY_LEFT = "already_left"
    """An earlier revision has left there, and cannot be replaced."""
    ENDPOINT_GONE = "endpoint_gone"
    """The recipient's endpoint there said that it is gone."""


@value
class Decision:
    """Whether a channel is used, and why."""

    channel: Channel
    reason: Reason


@value
class PlannedDelivery:
    """One delivery of a plan."""

    channel: Channel
    endpoint: str
    locale: str


@value
class Plan:
    """The decision for a notification."""

    outcome: Outcome
    decisions: tuple[Decision, ...] = ()
    deliveries: tuple[PlannedDelivery, ...] = ()


def plan_deliveries(
    recipient: RecipientProfile | None,
    category: CategoryDefinition | None,
    preferences: Collection[Preference],
    *,
    requested: Sequence[Channel],
    content: Collection[Channel],
    left: Collection[Channel] = (),
) -> Plan:
    """Returns the plan.

    Considered are the requested channels, or the category's when none is requested, each once and
    in that order. Of several grounds against a channel comes first that an earlier revision has `left`
    there, then the recipient's word, then missing content, then a missing address, then one that is gone.
    Categories of the class system do not ask the recipient.
    """
    if recipient is None:
        return Plan(outcome=Outcome.RECIPIENT_UNKNOWN)
    if category is None:
        return Plan(outcome=Outcome.CATEGORY_UNKNOWN)
    asked = category.category_class is not CategoryClass.SYSTEM
    decisions = []
    deliveries = []
    for channel in dict.fromkeys(requested or category.channels):
        endpoint = _endpoint(recipient, channel)
        if channel in left:
            reason = Reason.ALREADY_LEFT
        elif asked and not wants(preferences, category.name, channel):
            reason = Reason.DISABLED_BY_RECIPIENT
        elif channel not in content:
            reason = Reason.NOT_IN_TEMPLATE
        elif endpoint is None:
            reason = Reason.NO_CONTACT_POINT
        elif channel is Channel.WEBHOOK and recipient.webhook_gone_time is not None:
            reason = Reason.ENDPOINT_GONE
        else:
            reason = Reason.SELECTED
            deliveries.append(
                PlannedDelivery(channel=channel, endpoint=endpoint, locale=recipient.locale)
            )
        decisions.append(Decision(channel=channel, reason=reason))
    return Plan(
        outcome=Outcome.DELIVER if deliveries else Outcome.SUPPRESS,
        decisions=tuple(decisions),
        deliveries=tuple(deliveries),
    )


def _endpoint(recipient: RecipientProfile, channel: Channel) -> str | None:
    match channel:
        case Channel.EMAIL:
            return recipient.emails[0] if recipient.emails else None
        case Channel.IN_APP:
            return recipient.recipient_id
        case Channel.WEBHOOK:
            return recipient.webhook_url or None
