"""Publishes facts, and deletes them when the broker has confirmed."""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

from libs.batching import Batcher
from libs.failpoints import failpoint
from libs.messaging.broker import Broker, BrokerUnavailable, Message, Unroutable
from libs.messaging.topology import EVENTS
from libs.telemetry.logs import kind_of
from services.dispatch.store.events import EventOutbox

_log = logging.getLogger(__name__)

_SWEEP = 100


class PublishEvents:
    """At once after the commit, and again for what was not confirmed."""

    def __init__(
        self, *, broker: Broker, events: EventOutbox, confirmed: Batcher[UUID, None]
    ) -> None:
        self._broker = broker
        self._events = events
        self._confirmed = confirmed
        self._running: set[asyncio.Task[None]] = set()

    def soon(self, batch_id: UUID, routing_key: str, payload: bytes) -> None:
        """Publishes beside the caller, who has other things to do."""
        task = asyncio.get_running_loop().create_task(self._publish(batch_id, routing_key, payload))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def sweep(self) -> None:
        """Publishes again what was not confirmed in time."""
        rows = await self._events.take_unpublished(limit=_SWEEP)
        await asyncio.gather(*(self._publish(*row) for row in rows))

    async def stop(self) -> None:
        """Leaves what is under way to the next sweep."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _publish(self, batch_id: UUID, routing_key: str, payload: bytes) -> None:
        try:
            await self._broker.publish(EVENTS, routing_key, Message(body=payload))
            failpoint("dispatch.event_published")
            await self._confirmed.submit(batch_id)
        except (BrokerUnavailable, Unroutable) as error:
            _log.warning("event_not_published", extra={"why": kind_of(error)})
        except Exception:  # noqa: BLE001 - the rim of the task
            _log.exception("event_not_finished")
