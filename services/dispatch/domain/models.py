"""Deliveries and what can become of them.

Channels, priorities and guarantees are the numbers of their enums in the contracts.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from libs.values import value

EMAIL = 1
"""`CHANNEL_EMAIL`."""
IN_APP = 2
"""`CHANNEL_IN_APP`."""
WEBHOOK = 3
"""`CHANNEL_WEBHOOK`."""
CRITICAL = 4
"""`PRIORITY_CRITICAL`."""
PRIORITIES = (4, 3, 2, 1)
"""Every priority, the most urgent first."""
SUSPECT_FROM = 2
"""Deaths with a delivery in hand from which on it is worked on alone. After the first nearly all that a process
had in hand is innocent, and one by one they would hold everybody up."""
AT_MOST_ONCE = 2
"""`GUARANTEE_AT_MOST_ONCE`."""


class DeliveryState(IntEnum):
    """State of a ledger row; the numbers are those of the contract and of the table."""

    CLAIMED = 2
    """A process has it in hand; nothing has left."""
    SENDING = 3
    """A provider is being called."""
    RETRY = 4
    """Waits for its next try."""
    SENT = 5
    """The provider, or the inbox, has taken it."""
    FAILED = 6
    """It cannot be delivered."""
    UNKNOWN = 7
    """It may have left; nobody can say. With a due time it is tried again then."""
    EXPIRED = 8
    """Its time to live passed before it left."""
    PARKED = 9
    """Waits until its channel, provider or tenant is open again."""
    WAITING = 10
    """Waits for its time, such as a later step of an escalation."""
    DEAD = 11
    """Processes died of it."""
    CANCELLED = 12
    """It was cancelled or amended before it left."""
    SUPPRESSED = 13
    """Its recipient came to be suppressed before it left."""


class Fate(IntEnum):
    """What stopping did to a delivery; the numbers are those of the contract."""

    STOPPED = 1
    """It has not left and will not."""
    LEFT = 2
    """It left before, or may have."""
    IN_FLIGHT = 3
    """It is being sent; it will not be tried again."""


class DeadLetterReason(IntEnum):
    """Why something is a dead letter; the numbers are those of the contract and of the table."""

    UNREADABLE = 1
    """It cannot be parsed, or its layout is not known."""
    POISON = 2
    """A process died of it again and again, with nothing else in hand."""


class Outcome(IntEnum):
    """What came of a provider call."""

    ACCEPTED = 1
    """The provider took responsibility."""
    PERMANENT = 2
    """Refused for good."""
    TRANSIENT = 3
    """Refused for now, or not reached."""
    THROTTLED = 4
    """Asked to slow down."""
    AUTH = 5
    """Our credentials were refused."""
    UNKNOWN = 6
    """It may have left."""


@value
class DeliveryTask:
    """A delivery as a message brings it."""

    delivery_id: UUID
    notification_id: UUID
    revision: int
    recipient_id: str
    category: str
    endpoint: str
    locale: str
    template_name: str
    template_version: int
    variables: bytes
    guarantee: int
    accept_time: datetime
    expire_time: datetime
    traceparent: str


@value
class DeliveryBatch:
    """The deliveries of one outbox row."""

    outbox_id: UUID
    tenant_id: str
    channel: int
    priority: int
    tasks: tuple[DeliveryTask, ...]
    publication: int = 0
    """Number of this copy of the message; 0 when it is not known."""


@value
class ClaimedDelivery:
    """A delivery in this process's hands."""

    tenant_id: str
    channel: int
    priority: int
    claim_token: UUID
    attempts: int
    """Provider calls so far."""
    claims: int
    """Times it was taken in hand, this one included."""
    suspect: bool
    """Whether a process died with it in hand: it is then worked on alone."""
    task: DeliveryTask

    @property
    def traceparent(self) -> str:
        """Trace context of its notification."""
        return self.task.traceparent


@value
class Attempt:
    """A provider call and its outcome."""

    provider: str
    start_time: datetime
    finish_time: datetime
    outcome: Outcome
    response: str
    """The provider's own words."""
    provider_message_id: str = ""
    retry_after: timedelta | None = None
    """The provider's wish."""
    may_have_left: bool = False
    """Whether it may have been taken though the outcome is not UNKNOWN: its target drops repeats, so it is
    simply tried again. Only who cancels must know."""
    endpoint_gone: bool = False
    """Whether the endpoint itself said that it is gone for good."""


@value
class Settlement:
    """What becomes of a delivery in hand."""

    state: DeliveryState
    detail: str = ""
    delay: timedelta | None = None
    """Until it is due again; None in an end."""
    in_doubt: bool = False
    """Whether it may have left though it is tried again."""


@value
class Decision:
    """What becomes of one delivery in hand, with what its attempt log gains."""

    delivery: ClaimedDelivery
    settlement: Settlement
    attempt_log: bytes = b""
    gone_call_time: datetime | None = None
    """When the call began that the endpoint answered with being gone for good; None where it did not."""


@value
class GoneEndpoint:
    """An endpoint that said that it is gone, which preference has to be told."""

    delivery_id: UUID
    """The delivery that found out."""
    tenant_id: str
    recipient_id: str
    channel: int
    endpoint: str
    call_time: datetime


@value
class DeliveryToCancel:
    """A delivery that must not leave any more; the ledger may not know it yet."""

    delivery_id: UUID
    tenant_id: str
    notification_id: UUID
    revision: int
    channel: int
    endpoint: str
    expire_time: datetime
    recipient_id: str
    category: str
    template_name: str
    template_version: int
    accept_time: datetime


@value
class DeadLetter:
    """What could not be worked on."""

    dead_letter_id: UUID
    tenant_id: str
    reason: DeadLetterReason
    detail: str
    body: bytes
    """Its original bytes."""
    delivery_id: UUID | None = None
    notification_id: UUID | None = None
    channel: int = 0


@value
class Mail:
    """A mail ready to be sent."""

    recipient: str
    subject: str
    text: str
    html: str
    message_id: str
    delivery_id: UUID
    notification_id: UUID
    traceparent: str


@value
class Webhook:
    """A call of a recipient's endpoint, ready to be made."""

    url: str
    body: bytes
    delivery_id: UUID
    """The `webhook-id`, by which the receiver drops repeats: the same for every attempt."""
    secrets: tuple[bytes, ...] = field(repr=False)
    """Each signs; newest first."""
    traceparent: str


@value
class WebhookRoot:
    """What a tenant's webhook secrets are derived from."""

    key: bytes = field(repr=False)
    """32 random bytes."""
    expire_time: datetime | None
    """When it stops signing; None for the newest."""
