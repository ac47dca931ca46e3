"""Publishes messages for dispatchers, and again those that nobody claimed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import islice
from uuid import UUID

from libs.messaging.broker import Broker, BrokerUnavailable, Message, Unroutable
from libs.messaging.topology import DELIVERIES, OUTBOX_ID_HEADER, TENANT_HEADER
from libs.telemetry import contexts, tracing
from libs.telemetry.calls import HEADER
from libs.telemetry.logs import kind_of
from libs.telemetry.messaging import publishing
from services.ingestion.domain.acceptance import CHANNEL_NAMES, PRIORITY_NAMES
from services.ingestion.domain.models import OutboxMessage
from services.ingestion.store.plans import PlanStore
from services.ingestion.wire.messages import traced_in

_log = logging.getLogger(__name__)
_spans = tracing.Spans("ingestion")

_SWEEP = 100


class PublishDeliveries:
    """A publication that fails is no loss: the row stays. What the broker did not confirm goes again as
    soon as it answers, what nobody claimed after an interval that doubles."""

    def __init__(self, *, broker: Broker, plans: PlanStore) -> None:
        self._broker = broker
        self._plans = plans
        # Bounded by the credit of all tenants; after a death the rows' own due times do.
        self._unconfirmed: set[UUID] = set()

    async def __call__(self, messages: Sequence[OutboxMessage]) -> None:
        """Publishes messages that were just committed."""
        await asyncio.gather(
            *(
                self._publish(
                    m.outbox_id,
                    m.tenant_id,
                    m.channel,
                    m.priority,
                    m.payload,
                    traceparents=m.traceparents,
                    size=m.delivery_count,
                )
                for m in messages
            )
        )

    async def sweep(self) -> None:
        """Publishes again what was not claimed in time."""
        rows = await self._plans.take_unclaimed(limit=_SWEEP)
        if rows:
            _log.info("publishing_again", extra={"messages": len(rows)})
        await asyncio.gather(*(self._publish_again(*row) for row in rows))

    async def sweep_unconfirmed(self) -> None:
        """Tries one of those that were not confirmed; when it goes, all the others go at once."""
        limit = 1
        while self._unconfirmed:
            tried = list(islice(self._unconfirmed, limit))
            self._unconfirmed.difference_update(tried)
            rows = await self._plans.read_messages(tried)
            await asyncio.gather(*(self._publish_again(*row) for row in rows))
            if not self._unconfirmed.isdisjoint(tried):
                return
            limit = _SWEEP

    async def _publish_again(
        self, outbox_id: UUID, tenant_id: str, channel: int, priority: int, body: bytes
    ) -> None:
        traced, size = traced_in(body) if tracing.is_exporting() else ((), 0)
        await self._publish(
            outbox_id, tenant_id, channel, priority, body, traceparents=traced, size=size
        )

    async def _publish(
        self,
        outbox_id: UUID,
        tenant_id: str,
        channel: int,
        priority: int,
        body: bytes,
        *,
        traceparents: Sequence[str],
        size: int,
    ) -> None:
        routing_key = f"{CHANNEL_NAMES[channel]}.{PRIORITY_NAMES[priority]}"
        headers = {OUTBOX_ID_HEADER: str(outbox_id), TENANT_HEADER: tenant_id}
        try:
            with publishing(
                _spans,
                traceparents,
                system=self._broker.system,
                exchange=DELIVERIES,
                routing_key=routing_key,
                size=size,
            ) as span:
                if span is not None:
                    headers[HEADER] = contexts.traceparent_of(span)
                message = Message(body=body, headers=headers)
                await self._broker.publish(DELIVERIES, routing_key, message)
        except (BrokerUnavailable, Unroutable) as error:
            self._unconfirmed.add(outbox_id)
            _log.warning(
                "not_published", extra={"outbox_id": str(outbox_id), "why": kind_of(error)}
            )
