from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import pytest

from services.preference.domain.models import (
    CategoryClass,
    CategoryDefinition,
    Channel,
    Choice,
    Preference,
    RecipientProfile,
)
from services.preference.domain.planning import (
    Decision,
    Outcome,
    Plan,
    PlannedDelivery,
    Reason,
    plan_deliveries,
)

EMAIL, IN_APP = Channel.EMAIL, Channel.IN_APP
BOTH = (EMAIL, IN_APP)
ALICE = RecipientProfile(
    recipient_id="alice", emails=("a@example.com", "b@example.com"), locale="de"
)
NO_MAIL = RecipientProfile(recipient_id="alice")
SHIPPED = CategoryDefinition(
    name="order.shipped", category_class=CategoryClass.TRANSACTIONAL, channels=BOTH
)
SECURITY = CategoryDefinition(name="security", category_class=CategoryClass.SYSTEM, channels=BOTH)
NOTHING = (Preference(category=None, channel=None, choice=Choice.DISABLED),)
NO_MAILS = (Preference(category=None, channel=EMAIL, choice=Choice.DISABLED),)


def plan(
    recipient: RecipientProfile | None = ALICE,
    category: CategoryDefinition | None = SHIPPED,
    preferences: Collection[Preference] = (),
    *,
    requested: Sequence[Channel] = (),
    content: Collection[Channel] = BOTH,
) -> Plan:
    return plan_deliveries(recipient, category, preferences, requested=requested, content=content)


def reasons(made: Plan) -> list[tuple[Channel, Reason]]:
    return [(decision.channel, decision.reason) for decision in made.decisions]


def test_both_channels_with_their_endpoints() -> None:
    assert plan() == Plan(
        outcome=Outcome.DELIVER,
        decisions=(
            Decision(channel=EMAIL, reason=Reason.SELECTED),
            Decision(channel=IN_APP, reason=Reason.SELECTED),
        ),
        deliveries=(
            PlannedDelivery(channel=EMAIL, endpoint="a@example.com", locale="de"),
            PlannedDelivery(channel=IN_APP, endpoint="alice", locale="de"),
        ),
    )


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        # What is requested is considered, once each, and nothing else.
        (plan(requested=[IN_APP]), [(IN_APP, Reason.SELECTED)]),
        (plan(requested=[IN_APP, IN_APP]), [(IN_APP, Reason.SELECTED)]),
        (plan(NO_MAIL), [(EMAIL, Reason.NO_CONTACT_POINT), (IN_APP, Reason.SELECTED)]),
        (plan(content=[IN_APP]), [(EMAIL, Reason.NOT_IN_TEMPLATE), (IN_APP, Reason.SELECTED)]),
        (
            plan(preferences=NO_MAILS),
            [(EMAIL, Reason.DISABLED_BY_RECIPIENT), (IN_APP, Reason.SELECTED)],
        ),
        # The recipient's word counts for requested channels, too.
        (plan(preferences=NO_MAILS, requested=[EMAIL]), [(EMAIL, Reason.DISABLED_BY_RECIPIENT)]),
        # Security notices do not ask.
        (plan(category=SECURITY, preferences=NOTHING), [(c, Reason.SELECTED) for c in BOTH]),
        # Of several grounds: the recipient's word, then content, then address.
        (
            plan(NO_MAIL, preferences=NO_MAILS, content=[], requested=[EMAIL]),
            [(EMAIL, Reason.DISABLED_BY_RECIPIENT)],
        ),
        (plan(NO_MAIL, content=[], requested=[EMAIL]), [(EMAIL, Reason.NOT_IN_TEMPLATE)]),
    ],
)
def test_each_channel_has_its_reason(made: Plan, expected: list[tuple[Channel, Reason]]) -> None:
    assert reasons(made) == expected
    selected = [channel for channel, reason in expected if reason is Reason.SELECTED]
    assert [delivery.channel for delivery in made.deliveries] == selected
    assert made.outcome is (Outcome.DELIVER if selected else Outcome.SUPPRESS)


@pytest.mark.parametrize(
    ("recipient", "category", "outcome"),
    [
        (None, SHIPPED, Outcome.RECIPIENT_UNKNOWN),
        (ALICE, None, Outcome.CATEGORY_UNKNOWN),
        (None, None, Outcome.RECIPIENT_UNKNOWN),
    ],
)
def test_what_is_gone_is_not_planned(
    recipient: RecipientProfile | None, category: CategoryDefinition | None, outcome: Outcome
) -> None:
    assert plan(recipient, category) == Plan(outcome=outcome)


def test_a_webhook_goes_where_the_recipient_says_if_at_all() -> None:
    webhook = (Channel.WEBHOOK,)
    told = RecipientProfile(recipient_id="alice", webhook_url="https://example.com/hook")
    made = plan(told, requested=webhook, content=webhook)
    assert [delivery.endpoint for delivery in made.deliveries] == ["https://example.com/hook"]
    none = plan(ALICE, requested=webhook, content=webhook)
    assert none.outcome is Outcome.SUPPRESS
    assert reasons(none) == [(Channel.WEBHOOK, Reason.NO_CONTACT_POINT)]


def test_a_webhook_that_is_gone_is_not_called() -> None:
    webhook = (Channel.WEBHOOK,)
    told = RecipientProfile(
        recipient_id="alice",
        emails=("a@example.com",),
        webhook_url="https://example.com/hook",
        webhook_gone_time=datetime(2026, 1, 2, tzinfo=UTC),
    )
    gone = plan(told, requested=webhook, content=webhook)
    assert (gone.outcome, gone.deliveries) == (Outcome.SUPPRESS, ())
    assert reasons(gone) == [(Channel.WEBHOOK, Reason.ENDPOINT_GONE)]
    # Whoever does not want webhooks did not want them before either; other channels go on.
    assert reasons(plan(told, preferences=NOTHING, requested=webhook, content=webhook)) == [
        (Channel.WEBHOOK, Reason.DISABLED_BY_RECIPIENT)
    ]
    assert plan(told).outcome is Outcome.DELIVER
