"""Ids of deliveries: derived, so that doing the same again names the same delivery."""

from __future__ import annotations

import hashlib
from uuid import UUID

from libs.clock import derive_uuid8
from services.ingestion.domain.models import PlannedDelivery


def id_of_planned(notification_id: UUID, revision: int, planned: PlannedDelivery) -> UUID:
    """Returns the id of a planned delivery."""
    return delivery_id(
        notification_id,
        revision=revision,
        step=0,
        channel=planned.channel,
        endpoint=planned.endpoint,
    )


def delivery_id(
    notification_id: UUID, *, revision: int, step: int, channel: int, endpoint: str
) -> UUID:
    """Returns the id of one delivery. It keeps the notification's time, so both tables can be
    partitioned by week on their ids."""
    digest = hashlib.sha256(
        notification_id.bytes
        + revision.to_bytes(4, "big")
        + step.to_bytes(2, "big")
        + channel.to_bytes(2, "big")
        + endpoint.encode()
    )
    return derive_uuid8(notification_id, digest.digest())
