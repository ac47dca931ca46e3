"""What stopping means for a delivery in a given state."""

from __future__ import annotations

from services.dispatch.domain.models import DeliveryState, Fate

# Only an item for the inbox can still be tried after it was stopped: it may be there already.
_IN_FLIGHT = frozenset({DeliveryState.CLAIMED, DeliveryState.SENDING, DeliveryState.RETRY})
_LEFT = frozenset({DeliveryState.SENT, DeliveryState.UNKNOWN})


def fate_of(state: DeliveryState) -> Fate:
    """Returns the fate of a delivery after it was stopped, by the state that it has then."""
    if state in _IN_FLIGHT:
        return Fate.IN_FLIGHT
    return Fate.LEFT if state in _LEFT else Fate.STOPPED
