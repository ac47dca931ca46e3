"""Delivery ids are derived, and keep the notification's time."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from libs.clock import mint_uuid7
from services.ingestion.domain.delivery_ids import delivery_id

NOTIFICATION = mint_uuid7(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def derived(
    notification: UUID = NOTIFICATION,
    revision: int = 1,
    step: int = 0,
    channel: int = 1,
    endpoint: str = "alice@example.com",
) -> UUID:
    return delivery_id(
        notification, revision=revision, step=step, channel=channel, endpoint=endpoint
    )


def test_the_same_delivery_has_the_same_id() -> None:
    assert derived() == derived()


def test_every_part_of_a_delivery_counts() -> None:
    ids = {
        derived(),
        derived(notification=mint_uuid7(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))),
        derived(revision=2),
        derived(step=1),
        derived(channel=2),
        derived(endpoint="bob@example.com"),
    }
    assert len(ids) == 6


def test_the_id_keeps_the_time_of_the_notification() -> None:
    assert derived().int >> 80 == NOTIFICATION.int >> 80
    assert derived().version == 8
