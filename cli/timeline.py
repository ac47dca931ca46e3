"""The timeline of a notification: what happened when, in milliseconds since it was accepted. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from google.protobuf.timestamp_pb2 import Timestamp

from cli.names import (
    CHANNELS,
    DECISION_REASONS,
    DELIVERY_STATES,
    FACT_TYPES,
    NOTIFICATION_STATES,
    OUTCOMES,
)
from tidings.common.v1.channel_pb2 import Channel
from tidings.dispatch.v1.delivery_pb2 import Attempt, Delivery
from tidings.ingestion.v1.notification_pb2 import Notification
from tidings.preference.v1.channel_decision_pb2 import ChannelDecision, ChannelDecisionReason


class Tone(Enum):
    """How an entry is to be taken."""

    GOOD = "good"
    """It went as it should, or is on its way."""
    OPEN = "open"
    """It is not over: something waits or is tried again."""
    BAD = "bad"
    """It is over and did not work, or nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A step, from the moment before it to the moment it was done."""

    label: str
    start: float
    end: float
    words: str = ""
    """Somebody's own words: the provider's, the ledger's."""
    tone: Tone = Tone.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One delivery."""

    channel: str
    endpoint: str
    revision: int
    """Of the notification, if it is not the last one; else 0."""
    state: str
    detail: str
    tone: Tone
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A channel that was considered."""

    channel: str
    words: str
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that is known from outside. It may come days later, so it is no stage."""

    channel: str
    words: str
    moment: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All that is known of a notification's way."""

    state: str
    tone: Tone
    stages: tuple[Stage, ...]
    """Before the deliveries part: accepted, planned."""
    lanes: tuple[Lane, ...]
    decisions: tuple[Decision, ...]
    facts: tuple[Fact, ...]
    """What happened after it had left."""
    length: float
    """Milliseconds from acceptance to the last thing that happened or is due."""
    complete: bool
    """False when a part of the system was away and something may lack."""


#: By name, so that values which a newer contract adds need no newer code here to be passed on.
_DECISIONS = {
    "selected": "used",
    "disabled_by_recipient": "not used: the recipient switched it off",
    "no_contact_point": "not used: the recipient has no address there",
    "not_in_template": "not used: the template has no content for it",
    "already_left": "not used: an earlier revision has left there",
    "endpoint_gone": "not used: the recipient's endpoint there said that it is gone",
}
_NOTIFICATION_TONES = {
    "suppressed": Tone.GOOD,
    "cancelled": Tone.GOOD,
    "rejected": Tone.BAD,
    "expired": Tone.BAD,
}
_DELIVERY_TONES = {
    "sent": Tone.GOOD,
    "cancelled": Tone.GOOD,
    "suppressed": Tone.GOOD,
    "failed": Tone.BAD,
    "unknown": Tone.BAD,
    "expired": Tone.BAD,
    "dead": Tone.BAD,
}
_ATTEMPTS = {
    "-": ("sending by {provider}", Tone.OPEN),
    "accepted": ("sent by {provider}", Tone.GOOD),
    "permanent": ("refused by {provider}", Tone.BAD),
    "transient": ("{provider}: not now", Tone.OPEN),
    "throttled": ("{provider}: slow down", Tone.OPEN),
    "auth": ("{provider}: not let in", Tone.BAD),
    "unknown": ("{provider}: no answer", Tone.BAD),
}
#: Ends of a delivery that its last attempt tells.
_TOLD_BY_ATTEMPT = {"sent", "failed", "unknown"}


def read_timeline(notification: Notification) -> Timeline:
    """Returns the timeline of a notification as the server tells it."""
    clock = _Clock(notification.accept_time)
    stages = tuple(_first_stages(notification, clock))
    lanes = tuple(
        _lane(delivery, notification.revision, stages[-1].end, clock)
        for delivery in notification.deliveries
    )
    moments = [stage.end for stage in stages]
    moments += [stage.end for lane in lanes for stage in lane.stages]
    return Timeline(
        state=NOTIFICATION_STATES.name(notification.state),
        tone=_notification_tone(notification, lanes),
        stages=stages,
        lanes=lanes,
        decisions=tuple(
            Decision(
                channel=CHANNELS.name(decision.channel),
                words=_decision_words(decision),
                used=decision.reason == ChannelDecisionReason.CHANNEL_DECISION_REASON_SELECTED,
            )
            for decision in notification.decisions
        ),
        facts=tuple(
            Fact(
                channel=CHANNELS.name(fact.channel),
                words=FACT_TYPES.name(fact.type),
                moment=clock.offset(fact.time),
            )
            for fact in notification.facts
        ),
        length=max(moments),
        complete=notification.timeline_complete,
    )


class _Clock:
    """Milliseconds since acceptance."""

    def __init__(self, origin: Timestamp) -> None:
        self._origin = origin.ToNanoseconds()

    def offset(self, moment: Timestamp) -> float:
        return (moment.ToNanoseconds() - self._origin) / 1e6


def _first_stages(notification: Notification, clock: _Clock) -> Iterator[Stage]:
    yield Stage(label="accepted", start=0.0, end=0.0)
    if notification.HasField("plan_time"):
        yield Stage(label="planned", start=0.0, end=clock.offset(notification.plan_time))


def _lane(delivery: Delivery, newest: int, planned: float, clock: _Clock) -> Lane:
    return Lane(
        channel=CHANNELS.name(delivery.channel),
        endpoint=delivery.endpoint,
        revision=delivery.revision if delivery.revision < newest else 0,
        state=DELIVERY_STATES.name(delivery.state),
        detail=delivery.detail,
        tone=_DELIVERY_TONES.get(DELIVERY_STATES.name(delivery.state), Tone.OPEN),
        stages=tuple(_delivery_stages(delivery, planned, clock)),
    )


def _delivery_stages(delivery: Delivery, planned: float, clock: _Clock) -> Iterator[Stage]:
    """Gives the stages in order; each begins where the one before it ended."""
    last = planned
    for label, field in (("claimed", "claim_time"), ("rendered", "render_time")):
        if delivery.HasField(field):  # type: ignore[arg-type]
            moment = clock.offset(getattr(delivery, field))
            yield Stage(label=label, start=last, end=moment)
            last = moment
    for attempt in delivery.attempts:
        stage = _attempt_stage(attempt, len(delivery.attempts) > 1, clock)
        yield stage
        last = stage.end
    if ending := _ending(delivery, last, clock):
        yield ending
        last = ending.end
    if delivery.HasField("stream_write_time"):
        moment = clock.offset(delivery.stream_write_time)
        yield Stage(label="written to a stream", start=last, end=moment)


def _attempt_stage(attempt: Attempt, numbered: bool, clock: _Clock) -> Stage:
    outcome = OUTCOMES.name(attempt.outcome)
    form, tone = _ATTEMPTS.get(outcome, (f"{{provider}}: {outcome}", Tone.OPEN))
    label = form.format(provider=attempt.provider or "a provider")
    start = clock.offset(attempt.start_time)
    end = clock.offset(attempt.finish_time) if attempt.HasField("finish_time") else start
    return Stage(
        label=f"{label} ({attempt.number})" if numbered else label,
        start=start,
        end=end,
        words=attempt.response,
        tone=tone,
    )


def _ending(delivery: Delivery, last: float, clock: _Clock) -> Stage | None:
    """Gives the stage that the attempts do not tell: another try to come, or an end of its own."""
    state = DELIVERY_STATES.name(delivery.state)
    if delivery.HasField("due_time") and not delivery.HasField("finish_time"):
        due = clock.offset(delivery.due_time)
        return Stage(label="next try", start=last, end=due, tone=Tone.OPEN)
    if not delivery.HasField("finish_time"):
        return None
    if delivery.attempts and state in _TOLD_BY_ATTEMPT:
        return None
    into_inbox = state == "sent" and delivery.channel == Channel.CHANNEL_IN_APP
    return Stage(
        label="in the inbox" if into_inbox else state,
        start=last,
        end=clock.offset(delivery.finish_time),
        tone=_DELIVERY_TONES.get(state, Tone.OPEN),
    )


def _notification_tone(notification: Notification, lanes: tuple[Lane, ...]) -> Tone:
    if any(lane.tone is Tone.BAD for lane in lanes):
        return Tone.BAD
    settled = bool(lanes) and all(lane.tone is Tone.GOOD for lane in lanes)
    state = NOTIFICATION_STATES.name(notification.state)
    return _NOTIFICATION_TONES.get(state, Tone.GOOD if settled else Tone.OPEN)


def _decision_words(decision: ChannelDecision) -> str:
    name = DECISION_REASONS.name(decision.reason)
    return _DECISIONS.get(name, name)
