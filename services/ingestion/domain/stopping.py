"""What follows when an earlier revision has left on a channel."""

from __future__ import annotations

from collections.abc import Iterable

from services.ingestion.domain.credit import channel_mask
from services.ingestion.domain.models import Fate, StoppedDelivery

_IN_APP = 2
# An inbox item is keyed by its notification, so the next revision replaces it.
_REPLACEABLE = frozenset({_IN_APP})


def left_for_good(deliveries: Iterable[StoppedDelivery]) -> int:
    """Returns as a mask the channels on which the next revision must not be sent again."""
    return channel_mask(
        [
            delivery.channel
            for delivery in deliveries
            if delivery.fate is Fate.LEFT and delivery.channel not in _REPLACEABLE
        ]
    )
