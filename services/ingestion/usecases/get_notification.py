"""Reads a notification with its plan, its deliveries and what is known of it from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar
from uuid import UUID

from libs.errors import DependencyUnavailable
from services.ingestion.clients import Facts, Ledger
from services.ingestion.domain.errors import NotificationUnknown
from services.ingestion.domain.models import NotificationState
from services.ingestion.store.notifications import NotificationStore
from services.ingestion.wire.reading import notification_to_proto, queued_deliveries
from tidings.dispatch.v1.delivery_pb2 import Delivery
from tidings.ingestion.v1.notification_pb2 import Notification

Answer = TypeVar("Answer")


class GetNotification:
    """Merges the stored plan with ledger and facts, which are asked at once and waited for briefly.
    Deliveries and facts pass through as their services state them."""

    def __init__(self, *, store: NotificationStore, ledger: Ledger, facts: Facts) -> None:
        self._store = store
        self._ledger = ledger
        self._facts = facts

    async def __call__(self, tenant_id: str, notification_id: UUID) -> Notification:
        """Returns the notification; raises NotificationUnknown."""
        stored = await self._store.read(notification_id, tenant_id=tenant_id)
        if stored is None:
            raise NotificationUnknown(notification_id)
        ledger, facts = await asyncio.gather(
            _unless_away(self._ledger.deliveries(tenant_id, notification_id)),
            _unless_away(self._facts.of(tenant_id, notification_id)),
        )
        claimed, receipts_complete = ledger or ([], False)
        queued: list[Delivery] = []
        if ledger is not None and stored.state is NotificationState.PLANNED:
            queued = queued_deliveries(stored, claimed)
        return notification_to_proto(
            stored,
            deliveries=[*claimed, *queued],
            facts=facts or [],
            complete=receipts_complete and facts is not None,
        )


async def _unless_away(answer: Awaitable[Answer]) -> Answer | None:
    try:
        return await answer
    except DependencyUnavailable:
        return None
