"""Rows of the waterfall: from what the server tells to what is drawn."""

from __future__ import annotations

import pytest

from cli.timeline import Stage, Tone, read_timeline
from tests.unit.cli.notifications import at, attempt, email, in_app, notification
from tidings.common.v1.channel_pb2 import Channel
from tidings.dispatch.v1.delivery_pb2 import AttemptOutcome, Delivery, DeliveryState
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.preference.v1.channel_decision_pb2 import ChannelDecisionReason

SENT = DeliveryState.DELIVERY_STATE_SENT


def rows(stages: tuple[Stage, ...]) -> list[tuple[str, float, float]]:
    return [(stage.label, stage.start, stage.end) for stage in stages]


def test_each_stage_begins_where_the_one_before_it_ended() -> None:
    mail = email(SENT, attempt(16, 40, response="250 2.0.0 kept"))
    mail.finish_time.CopyFrom(at(41))
    timeline = read_timeline(notification(mail, in_app()))
    assert rows(timeline.stages) == [("accepted", 0, 0), ("planned", 0, 8)]
    by_mail, by_stream = timeline.lanes
    assert rows(by_mail.stages) == [
        ("claimed", 8, 12),
        ("rendered", 12, 15),
        ("sent by smtp", 16, 40),
    ]
    assert by_mail.stages[2].words == "250 2.0.0 kept"
    assert rows(by_stream.stages) == [
        ("claimed", 8, 12),
        ("rendered", 12, 14),
        ("in the inbox", 14, 20),
        ("written to a stream", 20, 24),
    ]
    assert timeline.length == 40
    assert (timeline.state, timeline.tone) == ("planned", Tone.GOOD)


def test_attempts_are_numbered_when_there_are_several() -> None:
    delivery = email(
        DeliveryState.DELIVERY_STATE_RETRY,
        attempt(16, 20, AttemptOutcome.ATTEMPT_OUTCOME_TRANSIENT, response="451 later"),
        attempt(520, 530, AttemptOutcome.ATTEMPT_OUTCOME_THROTTLED, number=2),
    )
    delivery.due_time.CopyFrom(at(2000))
    timeline = read_timeline(notification(delivery))
    assert rows(timeline.lanes[0].stages)[2:] == [
        ("smtp: not now (1)", 16, 20),
        ("smtp: slow down (2)", 520, 530),
        ("next try", 530, 2000),
    ]
    assert timeline.length == 2000
    assert timeline.tone is Tone.OPEN


@pytest.mark.parametrize(
    ("outcome", "label", "tone"),
    [
        (AttemptOutcome.ATTEMPT_OUTCOME_ACCEPTED, "sent by smtp", Tone.GOOD),
        (AttemptOutcome.ATTEMPT_OUTCOME_PERMANENT, "refused by smtp", Tone.BAD),
        (AttemptOutcome.ATTEMPT_OUTCOME_TRANSIENT, "smtp: not now", Tone.OPEN),
        (AttemptOutcome.ATTEMPT_OUTCOME_THROTTLED, "smtp: slow down", Tone.OPEN),
        (AttemptOutcome.ATTEMPT_OUTCOME_AUTH, "smtp: not let in", Tone.BAD),
        (AttemptOutcome.ATTEMPT_OUTCOME_UNKNOWN, "smtp: no answer", Tone.BAD),
        (77, "smtp: outcome 77", Tone.OPEN),
    ],
)
def test_every_outcome_has_its_words(
    outcome: AttemptOutcome.ValueType, label: str, tone: Tone
) -> None:
    delivery = email(DeliveryState.DELIVERY_STATE_SENDING, attempt(16, 20, outcome))
    stage = read_timeline(notification(delivery)).lanes[0].stages[-1]
    assert (stage.label, stage.tone) == (label, tone)


def test_a_call_in_progress_has_begun_and_not_ended() -> None:
    running = attempt(16, None, AttemptOutcome.ATTEMPT_OUTCOME_UNSPECIFIED)
    delivery = email(DeliveryState.DELIVERY_STATE_SENDING, running)
    stage = read_timeline(notification(delivery)).lanes[0].stages[-1]
    assert (stage.label, stage.start, stage.end) == ("sending by smtp", 16, 16)


def test_an_end_that_no_attempt_explains_is_a_stage() -> None:
    delivery = email(DeliveryState.DELIVERY_STATE_EXPIRED, detail="its time to live passed")
    delivery.finish_time.CopyFrom(at(90))
    lane = read_timeline(notification(delivery)).lanes[0]
    assert rows(lane.stages)[-1] == ("expired", 15, 90)
    assert (lane.tone, lane.detail) == (Tone.BAD, "its time to live passed")


def test_an_end_is_told_once() -> None:
    refusal = attempt(16, 20, AttemptOutcome.ATTEMPT_OUTCOME_PERMANENT, response="550 no such")
    delivery = email(DeliveryState.DELIVERY_STATE_FAILED, refusal, detail="550 no such")
    delivery.finish_time.CopyFrom(at(21))
    timeline = read_timeline(notification(delivery))
    assert rows(timeline.lanes[0].stages)[-1] == ("refused by smtp", 16, 20)
    assert timeline.tone is Tone.BAD


def test_what_waits_has_no_stages_yet() -> None:
    queued = Delivery(channel=Channel.CHANNEL_EMAIL, state=DeliveryState.DELIVERY_STATE_QUEUED)
    timeline = read_timeline(notification(queued))
    assert timeline.lanes[0].stages == ()
    assert (timeline.lanes[0].state, timeline.tone) == ("queued", Tone.OPEN)
    accepted = NotificationState.NOTIFICATION_STATE_ACCEPTED
    timeline = read_timeline(notification(state=accepted, planned=False))
    assert rows(timeline.stages) == [("accepted", 0, 0)]
    assert (timeline.length, timeline.tone) == (0, Tone.OPEN)


@pytest.mark.parametrize(
    ("reason", "words", "used"),
    [
        (ChannelDecisionReason.CHANNEL_DECISION_REASON_SELECTED, "used", True),
        (
            ChannelDecisionReason.CHANNEL_DECISION_REASON_DISABLED_BY_RECIPIENT,
            "not used: the recipient switched it off",
            False,
        ),
        (
            ChannelDecisionReason.CHANNEL_DECISION_REASON_NO_CONTACT_POINT,
            "not used: the recipient has no address there",
            False,
        ),
        (
            ChannelDecisionReason.CHANNEL_DECISION_REASON_NOT_IN_TEMPLATE,
            "not used: the template has no content for it",
            False,
        ),
        (42, "decision 42", False),
    ],
)
def test_every_decision_has_its_words(
    reason: ChannelDecisionReason.ValueType, words: str, used: bool
) -> None:
    (decision,) = read_timeline(notification(decisions=[reason])).decisions
    assert (decision.channel, decision.words, decision.used) == ("email", words, used)


@pytest.mark.parametrize(
    ("state", "word", "tone"),
    [
        (NotificationState.NOTIFICATION_STATE_SUPPRESSED, "suppressed", Tone.GOOD),
        (NotificationState.NOTIFICATION_STATE_REJECTED, "rejected", Tone.BAD),
        (NotificationState.NOTIFICATION_STATE_EXPIRED, "expired", Tone.BAD),
        (33, "state 33", Tone.OPEN),
    ],
)
def test_states_without_deliveries(
    state: NotificationState.ValueType, word: str, tone: Tone
) -> None:
    timeline = read_timeline(notification(state=state))
    assert (timeline.state, timeline.tone) == (word, tone)


def test_says_when_something_may_lack() -> None:
    assert not read_timeline(notification(complete=False)).complete
