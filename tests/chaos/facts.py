"""What is collected of a run, as values that a test can forge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

EMAIL = 1
IN_APP = 2
CLOCKS = 0.05
"""Seconds: the sink's clock and the database's are the same machine's, read at different moments."""

PlannedDelivery = tuple[int, int, str]
"""Revision, channel and endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked for, until it had an answer or was refused for good."""

    request_id: str
    answers: tuple[str, ...]
    """Notification ids, one per OK; a client may have asked again."""
    revision: int = 1
    """Revision of the first answer."""
    replays_differ: bool = False
    """A later answer was not the first one again."""
    order: str = ""
    """The variable by which its content is known; not checked when empty."""
    key: str = ""
    """Tenant, recipient and collapse key; empty for none."""
    due: float = 0.0
    """Send time, in seconds since 1970; 0 for at once."""
    invalid: str = ""
    """Reason for which it must be refused; empty if it must be accepted."""
    refusals: tuple[str, ...] = ()
    """Reasons for which it was refused for good."""
    may_be_suppressed: bool = False
    """Its recipient once said no to a channel of its category."""
    cancelled: bool = False
    """Its client asked for it to be cancelled; perhaps without hearing an answer."""
    fates: Mapping[str, str] = field(default_factory=dict)
    """What the cancellation's answer said of each delivery: STOPPED, LEFT, IN_FLIGHT."""
    never_planned: bool = False
    """The cancellation's answer said that there was no delivery to stop."""

    @property
    def stopped(self) -> frozenset[str]:
        """Deliveries of which the answer said that they were stopped."""
        return frozenset(d for d, fate in self.fates.items() if fate == "STOPPED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A row of ingestion."""

    notification_id: str
    state: str
    planned: frozenset[tuple[int, str]]
    """Channel and endpoint of each delivery of its stored plan."""
    revision: int = 1
    order: str = ""
    """The variable by which the content of its last revision is known."""
    plan_time: float = 0.0
    """When its last revision was planned."""
    earlier: frozenset[PlannedDelivery] = frozenset()
    """The plans of its earlier revisions."""

    @property
    def all_planned(self) -> frozenset[PlannedDelivery]:
        """What any revision planned."""
        return self.earlier | {(self.revision, *delivery) for delivery in self.planned}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An attempt in the log of a delivery."""

    outcome: str
    start: float
    finish: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the ledger."""

    delivery_id: str
    notification_id: str
    channel: int
    endpoint: str
    state: str
    at_most_once: bool
    revision: int = 1
    claim_time: float = 0.0
    waits: bool = False
    """Has a time at which something is to happen next."""
    calls: tuple[Call, ...] = ()
    """Provider calls as the ledger logged them."""

    @property
    def unknown_attempts(self) -> int:
        """How many calls left it in doubt."""
        return sum(call.outcome == "UNKNOWN" for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that the sink had on disk before it answered."""

    delivery_id: str
    notification_id: str
    time: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of a feed."""

    item_id: str
    sequence: int
    created_sequence: int
    read: bool = False
    revision: int = 1
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change as a client that resumes had it."""

    item_id: str
    sequence: int
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A recipient's feed."""

    recipient: str
    sequence: int
    total: int
    unread: int
    items: tuple[Item, ...]
    listed: tuple[str, ...] | None = None
    """Item ids as the API lists them, if it was asked."""
    streamed: Mapping[str, int] | None = None
    """The last number of each item as an app had it from its stream, if one held it open."""
    followed: tuple[Change, ...] | None = None
    """All that a client had which followed from the beginning, if there was one."""
    stream_faults: tuple[str, ...] = ()
    """What these met and the contract rules out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was collected, after healing."""

    requests: Sequence[Request] = ()
    notifications: Sequence[Notification] = ()
    deliveries: Sequence[Delivery] = ()
    mails: Sequence[Mail] = ()
    feeds: Sequence[Feed] = ()
    left_over: Mapping[str, int] = field(default_factory=dict)
    """Rows by table that a drained system does not have: outbox, events, used credit…"""
