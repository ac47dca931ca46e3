"""What events state.

Channels, states and types of facts are the numbers of their enums in the contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

IN_APP = 2
"""`CHANNEL_IN_APP`."""
READ = 1
"""`FACT_TYPE_READ`."""


class Delivery(NamedTuple):
    """A delivery as it was after one of its changes: a row, in the order of the table's columns."""

    delivery_id: UUID
    tenant_id: str
    notification_id: UUID
    revision: int
    recipient_id: str
    category: str
    channel: int
    template_name: str
    template_version: int
    state: int
    provider: str
    attempts: int
    accept_time: datetime
    state_time: datetime
    change_number: int
    """Of two changes of a delivery the one with the larger number is the later."""


class Fact(NamedTuple):
    """Something that happened to a notification after it had left: a row, in the order of the table's columns."""

    tenant_id: str
    notification_id: UUID
    channel: int
    type: int
    source: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What an event batch states, as far as it matters here."""

    deliveries: tuple[Delivery, ...] = ()
    facts: tuple[Fact, ...] = ()
