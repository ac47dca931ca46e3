"""Notifications as columns, for statements that write many."""

from __future__ import annotations

from collections.abc import Sequence

from services.ingestion.domain.models import Acceptance


def notification_columns(batch: Sequence[Acceptance]) -> list[list[object]]:
    """Returns one list per column, in the order of `insert_notifications` and `amend_notifications`."""
    rows = [item.notification for item in batch]
    return [
        [row.notification_id for row in rows],
        [row.tenant_id for row in rows],
        [row.recipient_id for row in rows],
        [row.category for row in rows],
        [row.template_name for row in rows],
        [row.template_version for row in rows],
        # An array of arrays must be rectangular, so lists travel as text.
        [",".join(map(str, row.content_channels)) for row in rows],
        [row.variables for row in rows],
        [",".join(map(str, row.requested_channels)) for row in rows],
        [row.priority for row in rows],
        [row.channel_mask for row in rows],
        [row.guarantee for row in rows],
        [item.submission.metadata for item in batch],
        [row.traceparent for row in rows],
        [row.accept_time for row in rows],
        [row.send_time for row in rows],
        [row.expire_time for row in rows],
        [row.collapse_key for row in rows],
        [row.initial_state.value for row in rows],
    ]
