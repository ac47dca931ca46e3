"""Making the projection anew from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from services.tracking.domain.models import Delivery

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_SHARE = 0.01


class RebuildState(IntEnum):
    """How far a rebuild is; the numbers are those of the contract and of the table."""

    RUNNING = 1
    DONE = 2
    STOPPED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """A rebuild as the operator sees it. Ids are of deliveries, and keep the time of acceptance."""

    state: RebuildState
    start_time: datetime
    update_time: datetime
    deliveries: int
    position: UUID
    first_id: UUID | None
    last_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A rebuild in this process's hands."""

    start_time: datetime
    """Tells it from other rebuilds."""
    position: UUID
    """All deliveries up to this id are recorded."""
    last_id: UUID | None
    """Where it ends; None before its first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """A stretch of the ledger."""

    deliveries: tuple[Delivery, ...]
    next_after: UUID | None
    """Behind which the next page begins; None when this is the last."""
    last_id: UUID | None
    """Where the ledger ended at the first page; None when it is empty."""


def time_of(delivery_id: UUID) -> datetime:
    """Returns the time that an id keeps, in whole milliseconds."""
    return _EPOCH + timedelta(milliseconds=delivery_id.int >> 80)


def pause_after(took: float, *, share: float) -> float:
    """Returns how long to rest, in seconds, after `took` seconds of work, to work a `share` of the time."""
    return took * (1 / max(share, _LEAST_SHARE) - 1)
