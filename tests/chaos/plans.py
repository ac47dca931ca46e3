"""What goes wrong in a run, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

DISPATCH_FAILPOINTS = (
    "dispatch.claiming",
    "dispatch.claimed",
    "dispatch.acknowledged",
    "dispatch.event_published",
    "dispatch.sending",
    "dispatch.sent",
    "dispatch.settled",
    "dispatch.in_app_delivered",
)
INGESTION_FAILPOINTS = (
    "ingestion.accepting",
    "ingestion.accepted",
    "ingestion.decided",
    "ingestion.planned",
    "ingestion.published",
    "ingestion.finished",
)


class Kind(Enum):
    """A fault of the surroundings."""

    BROKER_KILL = "broker kill -9 and restart"
    CLOSE_CONNECTIONS = "all broker connections closed"
    PURGE = "work queues purged"
    DATABASE_KILL = "database kill -9"
    DATABASE_OUTAGE = "database away for longer than a lease"
    CORE_KILL = "kill -9 of access, template and preference"
    INBOX_KILL = "kill -9 of inbox, with its streams open"
    VALKEY_KILL = "Valkey kill -9 and restart"
    ROLLING_RESTART = "SIGTERM of each service process, one after another"
    FREEZE_DISPATCH = "dispatcher stopped for longer than a lease"
    FREEZE_INGESTION = "ingestion stopped for longer than a lease"


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill -9 with work in hand, then a life that ends at a failpoint, then a new one."""

    process: int
    failpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The faults of a run, in three lines that run side by side."""

    dispatch: tuple[Kill, ...] = ()
    ingestion: tuple[Kill, ...] = ()
    surroundings: tuple[Kind, ...] = ()
    refuse: float = 0.0
    cut: float = 0.0


# Dealt in turn, so that any six seeds in a row have met everything.
_DECK: tuple[tuple[Kind, ...], ...] = (
    (Kind.BROKER_KILL, Kind.FREEZE_DISPATCH, Kind.VALKEY_KILL),
    (Kind.CLOSE_CONNECTIONS, Kind.PURGE, Kind.DATABASE_KILL, Kind.INBOX_KILL),
    (Kind.CORE_KILL, Kind.BROKER_KILL, Kind.VALKEY_KILL),
    (Kind.DATABASE_OUTAGE, Kind.CLOSE_CONNECTIONS, Kind.INBOX_KILL),
    (Kind.FREEZE_INGESTION, Kind.PURGE, Kind.FREEZE_DISPATCH, Kind.VALKEY_KILL),
    (Kind.BROKER_KILL, Kind.DATABASE_KILL, Kind.CLOSE_CONNECTIONS, Kind.ROLLING_RESTART),
)


def draw(seed: int) -> Plan:
    """Returns the faults of a seed."""
    chance = random.Random(f"faults {seed}")
    surroundings = list(_DECK[seed % len(_DECK)])
    chance.shuffle(surroundings)
    moody = seed % 2 == 1
    return Plan(
        dispatch=_kills(chance, DISPATCH_FAILPOINTS, seed),
        ingestion=_kills(chance, INGESTION_FAILPOINTS, seed),
        surroundings=tuple(surroundings),
        refuse=0.03 if moody else 0.0,
        cut=0.02 if moody else 0.0,
    )


def _kills(chance: random.Random, names: Sequence[str], seed: int) -> tuple[Kill, ...]:
    """Two kills, walking through the failpoints from seed to seed."""
    return tuple(
        Kill(
            process=(seed + turn) % 2,
            failpoint=f"{names[(2 * seed + turn) % len(names)]}:{chance.randint(1, 3)}",
        )
        for turn in range(2)
    )
