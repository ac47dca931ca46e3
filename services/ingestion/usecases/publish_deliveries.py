"""Publishes messages for dispatchers, and again those that nobody claimed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
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
from services.ingestion.wire.messages import numbered_copy, traced_in

_log = logging.getLogger(__name__)
_spans = tracing.Spans("ingestion")

_SWEEP = 100


class PublishDeliveries:
    """A publication that fails is no loss: the row stays. What the broker did not confirm goes again as
    soon as it answers; what nobody claimed after an interval that doubles, if it is lost."""

    def __init__(self, *, broker: Broker, plans: PlanStore) -> None:
        self._broker = broker
        self._plans = plans
        # Bounded by the credit of all tenants; after a death the rows' own due times do.
        self._unconfirmed: set[UUID] = set()

    async def __call__(self, messages: Sequence[OutboxMessage]) -> None:
        """Publishes messages that were just committed."""
        await asyncio.gather(*(self._publish(message) for message in messages))

    async def sweep(self) -> None:
        """Publishes again what was not claimed in time and is not just waiting in a long queue."""
        while messages := await self._plans.take_unclaimed(limit=_SWEEP):
            _log.info("publishing_again", extra={"messages": len(messages)})
            await self._publish_again(messages)
            if len(messages) < _SWEEP or self._unconfirmed:
                return

    async def sweep_unconfirmed(self) -> None:
        """Tries one of those that were not confirmed; when it goes, all the others go at once."""
        limit = 1
        while self._unconfirmed:
            tried = list(islice(self._unconfirmed, limit))
            self._unconfirmed.difference_update(tried)
            await self._publish_again(await self._plans.take_unconfirmed(tried))
            if not self._unconfirmed.isdisjoint(tried):
                return
            limit = _SWEEP

    async def _publish_again(self, messages: Sequence[OutboxMessage]) -> None:
        if tracing.is_exporting():
            messages = [replace(m, traceparents=traced_in(m.payload)) for m in messages]
        await self(messages)

    async def _publish(self, message: OutboxMessage) -> None:
        routing_key = f"{CHANNEL_NAMES[message.channel]}.{PRIORITY_NAMES[message.priority]}"
        headers = {OUTBOX_ID_HEADER: str(message.outbox_id), TENANT_HEADER: message.tenant_id}
        body = numbered_copy(message.payload, message.publication)
        try:
            with publishing(
                _spans,
                message.traceparents,
                system=self._broker.system,
                exchange=DELIVERIES,
                routing_key=routing_key,
                size=message.delivery_count,
            ) as span:
                if span is not None:
                    headers[HEADER] = contexts.traceparent_of(span)
                copy = Message(body=body, headers=headers)
                await self._broker.publish(DELIVERIES, routing_key, copy)
        except (BrokerUnavailable, Unroutable) as error:
            self._unconfirmed.add(message.outbox_id)
            extra = {"outbox_id": str(message.outbox_id), "why": kind_of(error)}
            _log.warning("not_published", extra=extra)
