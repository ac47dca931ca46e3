"""Credit: how much of a tenant's work may be on its way to the dispatchers at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from services.ingestion.domain.models import Notification

CreditKey: TypeAlias = tuple[str, int, int]
"""Tenant, priority, channel."""


def channel_mask(channels: Iterable[int]) -> int:
    """Returns a number with bit n set for each channel n."""
    return sum(1 << channel for channel in set(channels))


@lru_cache(maxsize=1_000)
def possible_mask(wanted: tuple[int, ...], possible: tuple[int, ...]) -> int:
    """Returns the mask of the wanted channels that are possible; remembered, since sends are alike."""
    return channel_mask(set(wanted).intersection(possible))


def split_by_credit(
    batch: Sequence[Notification], used: Mapping[CreditKey, int], *, window: int
) -> tuple[list[Notification], list[Notification]]:
    """Returns those that fit in their windows, and those that have to wait.

    `used` counts the deliveries on their way; each notification counts once on every channel
    that it may use.
    """
    counts = defaultdict(int, used)
    fit: list[Notification] = []
    wait: list[Notification] = []
    for notification in batch:
        keys = list(_keys(notification))
        if all(counts[key] < window for key in keys):
            fit.append(notification)
            for key in keys:
                counts[key] += 1
        else:
            wait.append(notification)
    return fit, wait


def _keys(notification: Notification) -> Iterator[CreditKey]:
    mask = notification.channel_mask
    for channel in range(mask.bit_length()):
        if mask >> channel & 1:
            yield notification.tenant_id, notification.priority, channel
