"""Reads a notification with its plan and its deliveries."""

from __future__ import annotations

from uuid import UUID

from libs.errors import DependencyUnavailable
from services.ingestion.clients import Ledger
from services.ingestion.domain.errors import NotificationUnknown
from services.ingestion.domain.models import NotificationState
from services.ingestion.store.notifications import NotificationStore
from services.ingestion.wire.reading import notification_to_proto, queued_deliveries
from tidings.dispatch.v1.delivery_pb2 import Delivery
from tidings.ingestion.v1.notification_pb2 import Notification


class GetNotification:
    """Merges the stored plan with the ledger. Deliveries pass through as dispatch states them."""

    def __init__(self, *, store: NotificationStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    async def __call__(self, tenant_id: str, notification_id: UUID) -> Notification:
        """Returns the notification; raises NotificationUnknown."""
        stored = await self._store.read(notification_id, tenant_id=tenant_id)
        if stored is None:
            raise NotificationUnknown(notification_id)
        claimed: list[Delivery] = []
        complete = True
        try:
            claimed = await self._ledger.deliveries(tenant_id, notification_id)
        except DependencyUnavailable:
            complete = False
        queued: list[Delivery] = []
        if complete and stored.state is NotificationState.PLANNED:
            queued = queued_deliveries(stored, claimed)
        return notification_to_proto(stored, [*claimed, *queued], complete=complete)
