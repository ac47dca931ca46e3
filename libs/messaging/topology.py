"""Exchanges and queues, by one table for every broker."""

from __future__ import annotations

from dataclasses import dataclass

DELIVERIES = "tidings.deliveries"
"""Exchange for work: the routing key `<channel>.<priority>` names one queue."""
EVENTS = "tidings.events"
"""Exchange for facts: the routing key is the fact, each subscriber has a queue of its own."""
DEAD_LETTERS = "tidings.dead-letters"
"""Exchange for what cannot be worked on."""
DEAD_LETTERS_QUEUE = "tidings.dead-letters"
"""The one queue of dead letters."""
CLAIMED = "deliveries.claimed"
"""Routing key of the fact that deliveries are in the ledger."""
CHANGED = "deliveries.changed"
"""Routing key of the fact that deliveries wait again or are at an end."""
ITEMS_READ = "items.read"
"""Routing key of the fact that inbox items were read."""

OUTBOX_ID_HEADER = "tidings-outbox-id"
"""Header of a work message with its outbox row, so that even one that cannot be read can be told."""
TENANT_HEADER = "tidings-tenant-id"
"""Header of a work message with its tenant."""

EVENT_HEADER = "tidings-event"
"""Header of an event with its routing key: among the dead letters it tells facts from work."""

_CHANNELS = ("email", "in_app", "webhook")
_PRIORITIES = ("critical", "high", "normal", "low")


@dataclass(frozen=True, slots=True)
class Binding:
    """A queue and what reaches it."""

    exchange: str
    routing_key: str
    queue: str


def delivery_queue(channel: str, priority: str) -> str:
    """Returns the name of the work queue of a channel and a priority."""
    return f"{DELIVERIES}.{channel}.{priority}"


CLAIMED_QUEUE = f"{EVENTS}.ingestion.claimed"
TRACKING_QUEUE = f"{EVENTS}.tracking"

BINDINGS: tuple[Binding, ...] = (
    *(
        Binding(DELIVERIES, f"{channel}.{priority}", delivery_queue(channel, priority))
        for channel in _CHANNELS
        for priority in _PRIORITIES
    ),
    Binding(EVENTS, CLAIMED, CLAIMED_QUEUE),
    Binding(EVENTS, CHANGED, TRACKING_QUEUE),
    Binding(EVENTS, ITEMS_READ, TRACKING_QUEUE),
)
