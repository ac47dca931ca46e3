"""Ledger rows to domain objects."""

from __future__ import annotations

import asyncpg

from services.dispatch.domain.models import SUSPECT_FROM, ClaimedDelivery, DeliveryTask


def claimed_from_row(row: asyncpg.Record) -> ClaimedDelivery:
    """Returns a delivery that was just claimed."""
    return ClaimedDelivery(
        tenant_id=row["tenant_id"],
        channel=row["channel"],
        priority=row["priority"],
        claim_token=row["claim_token"],
        attempts=row["attempts"],
        claims=row["claims"],
        suspect=row["orphanings"] >= SUSPECT_FROM,
        task=DeliveryTask(
            delivery_id=row["delivery_id"],
            notification_id=row["notification_id"],
            revision=row["revision"],
            recipient_id=row["recipient_id"],
            category=row["category"],
            endpoint=row["endpoint"],
            locale=row["locale"],
            template_name=row["template_name"],
            template_version=row["template_version"],
            variables=row["variables"],
            guarantee=row["guarantee"],
            accept_time=row["accept_time"],
            expire_time=row["expire_time"],
            traceparent=row["traceparent"],
        ),
    )
