"""The arrows between states that a process may draw when it settles what it has in hand.

docs/states.md has these and the others, each with the statement that draws it.
"""

from __future__ import annotations

from services.dispatch.domain.models import DeliveryState as S

SETTLES: dict[S, frozenset[S]] = {
    S.CLAIMED: frozenset({S.SENT, S.RETRY, S.PARKED, S.FAILED, S.EXPIRED, S.SUPPRESSED}),
    S.SENDING: frozenset({S.SENT, S.RETRY, S.PARKED, S.FAILED, S.UNKNOWN}),
}
ORPHANS: dict[S, frozenset[S]] = {
    S.CLAIMED: frozenset({S.RETRY, S.DEAD, S.CANCELLED, S.UNKNOWN}),
    S.SENDING: frozenset({S.UNKNOWN, S.RETRY, S.FAILED}),
}


def check_arrow(allowed: dict[S, frozenset[S]], from_state: S, to_state: S) -> None:
    """Raises ValueError for an arrow that does not exist: a fault of ours."""
    if to_state not in allowed[from_state]:
        raise ValueError(f"a delivery cannot go from {from_state.name} to {to_state.name}")
