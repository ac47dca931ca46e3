"""Notifications on their way from a request to a plan.

Channels, priorities and guarantees are the numbers of their enums in `tidings.common.v1` and
`tidings.preference.v1`; this service passes them on and decides nothing by them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import TypeAlias
from uuid import UUID

from libs.values import value

Lane: TypeAlias = tuple[str, int, int]
"""Tenant, priority, channel mask: what waits for the same credit."""


class NotificationState(IntEnum):
    """How far a notification is; the numbers are those of the contract and of the table."""

    ACCEPTED = 1
    """Stored; waits to be planned."""
    PLANNED = 2
    """Its deliveries are decided. An end."""
    SUPPRESSED = 3
    """No channel remains. An end."""
    REJECTED = 4
    """Its recipient or category is gone. An end."""
    EXPIRED = 5
    """Its time to live passed first. An end."""
    SCHEDULED = 6
    """Stored; waits for its time."""
    CANCELLED = 7
    """It was cancelled. An end."""


@value
class Submission:
    """A well-formed request to notify one recipient."""

    tenant_id: str
    request_id: str
    payload_hash: bytes
    """SHA-256 of the request."""
    recipient_id: str
    category: str
    template_name: str
    template_version: int
    """0 for the newest."""
    variables: bytes
    """A serialized google.protobuf.Struct."""
    variable_names: frozenset[str]
    channels: tuple[int, ...]
    priority: int
    """0 for the category's."""
    metadata: bytes
    """Serialized labels of the caller, unopened."""
    traceparent: str
    call: str = ""
    """`traceparent` of the call that brought it, if its first span is to name that."""
    send_time: datetime | None = None
    """Earliest time of delivery; None for now."""
    ttl: timedelta | None = None
    """None for the category's."""
    collapse_key: str = ""
    """What it is the latest word on."""


@value
class TemplateDescription:
    """What a send needs to know of a template version."""

    name_known: bool
    version: int
    """0 when the version meant is not published."""
    channels: tuple[int, ...]
    required: frozenset[str]
    optional: frozenset[str]


@value
class CategoryDefaults:
    """What a category says where a send does not."""

    priority: int
    ttl: timedelta
    guarantee: int
    channels: tuple[int, ...]
    max_ttl: timedelta


@value
class Notification:
    """An accepted notification, as planning needs it."""

    notification_id: UUID
    tenant_id: str
    revision: int
    recipient_id: str
    category: str
    template_name: str
    template_version: int
    content_channels: tuple[int, ...]
    variables: bytes
    requested_channels: tuple[int, ...]
    priority: int
    channel_mask: int
    """Bit n is set when channel n may be used."""
    guarantee: int
    traceparent: str
    accept_time: datetime
    expire_time: datetime
    send_time: datetime | None = None
    """Set when it is to wait."""
    collapse_key: str = ""
    left_mask: int = 0
    """Channels on which an earlier revision has left for good."""

    @property
    def initial_state(self) -> NotificationState:
        """State in which it is stored."""
        if self.send_time is None:
            return NotificationState.ACCEPTED
        return NotificationState.SCHEDULED

    @property
    def lane(self) -> Lane:
        """What it waits behind, if anything does."""
        return self.tenant_id, self.priority, self.channel_mask


@value
class Acceptance:
    """A notification about to be stored, with its request."""

    notification: Notification
    submission: Submission
    estimated_delivery_time: datetime


@value
class Accepted:
    """What a new request became."""

    notification_id: UUID
    revision: int


@value
class Answer:
    """The first answer to a request, or its replay."""

    notification_id: UUID
    revision: int
    state: NotificationState
    estimated_delivery_time: datetime
    replayed: bool


@value
class PastRequest:
    """A request id that was answered before."""

    payload_hash: bytes
    notification_id: UUID
    revision: int
    state: NotificationState
    estimated_delivery_time: datetime


@value
class PlannedDelivery:
    """One delivery that a plan asks for."""

    channel: int
    endpoint: str
    locale: str


@value
class Plan:
    """The decision for a notification."""

    state: NotificationState
    deliveries: tuple[PlannedDelivery, ...]
    document: bytes
    """The decision whole, as preference gave it; stored unopened."""


@value
class OutboxMessage:
    """A message for dispatchers: deliveries of one tenant, channel and priority."""

    outbox_id: UUID
    tenant_id: str
    channel: int
    priority: int
    delivery_count: int
    payload: bytes
    traceparents: tuple[str, ...] = ()
    """Of those that are traced."""
    publication: int = 0
    """Number of the copy that is to be published; 0 before it is stored."""


@value
class StoppedPlan:
    """A plan of which nothing must leave any more."""

    notification_id: UUID
    revision: int
    tenant_id: str
    plan: bytes
    expire_time: datetime
    recipient_id: str
    category: str
    template_name: str
    template_version: int
    accept_time: datetime


@value
class CancelledNotification:
    """A notification after it was cancelled, or found to have ended before."""

    notification_id: UUID
    tenant_id: str
    revision: int
    state: NotificationState
    plan: bytes | None
    expire_time: datetime
    recipient_id: str
    category: str
    template_name: str
    template_version: int
    accept_time: datetime


class Fate(Enum):
    """What stopping did to a delivery."""

    STOPPED = "stopped"
    """It has not left and will not."""
    LEFT = "left"
    """It left before, or may have."""
    IN_FLIGHT = "in flight"
    """It is being sent, and will not be tried again."""


@value
class StoppedDelivery:
    """A delivery and what stopping did to it."""

    delivery_id: UUID
    channel: int
    fate: Fate


@value
class StoredNotification:
    """A notification as it is read back."""

    notification_id: UUID
    revision: int
    recipient_id: str
    category: str
    template_name: str
    template_version: int
    requested_channels: tuple[int, ...]
    priority: int
    metadata: bytes
    state: NotificationState
    accept_time: datetime
    send_time: datetime | None
    expire_time: datetime
    collapse_key: str
    plan_time: datetime | None
    plan: bytes | None
    traceparent: str
