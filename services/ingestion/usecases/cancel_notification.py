"""Cancels what of a notification has not left yet."""

from __future__ import annotations

from uuid import UUID

from libs.batching import Batcher
from libs.errors import DependencyUnavailable
from services.ingestion.domain.delivery_ids import id_of_planned
from services.ingestion.domain.errors import NotificationUnknown
from services.ingestion.domain.models import (
    CancelledNotification,
    Fate,
    StoppedDelivery,
    StoppedPlan,
)
from services.ingestion.store.notifications import NotificationStore
from services.ingestion.store.stopping import StoppingStore
from services.ingestion.wire.plans import planned_deliveries


class CancelNotification:
    """Committed here first; then dispatch is asked, now or by a swept step."""

    def __init__(
        self,
        *,
        notifications: NotificationStore,
        stopping: StoppingStore,
        stop_deliveries: Batcher[StoppedPlan, list[StoppedDelivery]],
    ) -> None:
        self._notifications = notifications
        self._stopping = stopping
        self._stop_deliveries = stop_deliveries

    async def find_by_request(self, tenant_id: str, request_id: str) -> UUID:
        """Returns the notification that a request became; raises NotificationUnknown."""
        key = (tenant_id, request_id)
        past = await self._notifications.find_requests([key])
        if key not in past:
            raise NotificationUnknown(f"of request {request_id}")
        return past[key].notification_id

    async def find_by_collapse_key(
        self, tenant_id: str, recipient_id: str, collapse_key: str
    ) -> UUID:
        """Returns the notification that a collapse key names; raises NotificationUnknown."""
        found = await self._stopping.find_collapse_key(tenant_id, recipient_id, collapse_key)
        if found is None:
            raise NotificationUnknown(f"of collapse key {collapse_key}")
        return found

    async def __call__(
        self, tenant_id: str, notification_id: UUID
    ) -> tuple[CancelledNotification, list[StoppedDelivery]]:
        """Returns the notification and the fate of each delivery; raises NotificationUnknown."""
        cancelled = await self._stopping.cancel(notification_id, tenant_id=tenant_id)
        if cancelled is None:
            raise NotificationUnknown(str(notification_id))
        if cancelled.plan is None:
            return cancelled, []
        plan = StoppedPlan(
            notification_id=notification_id,
            revision=cancelled.revision,
            tenant_id=tenant_id,
            plan=cancelled.plan,
            expire_time=cancelled.expire_time,
            recipient_id=cancelled.recipient_id,
            category=cancelled.category,
            template_name=cancelled.template_name,
            template_version=cancelled.template_version,
            accept_time=cancelled.accept_time,
        )
        try:
            fates = await self._stop_deliveries.submit(plan)
        except DependencyUnavailable:
            fates = [
                StoppedDelivery(
                    delivery_id=id_of_planned(plan.notification_id, plan.revision, planned),
                    channel=planned.channel,
                    fate=Fate.IN_FLIGHT,
                )
                for planned in planned_deliveries(plan.plan)
            ]
        return cancelled, fates
