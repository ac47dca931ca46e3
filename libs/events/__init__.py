"""The outbox of events: facts are committed with the change they state, and published until confirmed.

The table is `<schema>.event_outbox(batch_id uuid, routing_key text, payload bytea, due_time timestamptz)`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

from libs.batching import Batcher
from libs.failpoints import failpoint
from libs.messaging.broker import Broker, BrokerUnavailable, Message, Unroutable
from libs.messaging.topology import EVENT_HEADER, EVENTS
from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection
from libs.telemetry.logs import kind_of

_log = logging.getLogger(__name__)

_SWEEP = 100
_DELETE = 500

# The fact is committed with what it states; a repeat of it changes nothing.
_INSERT = """
INSERT INTO {schema}.event_outbox (batch_id, routing_key, payload, due_time)
VALUES ($1, $2, $3, now() + $4::interval)
ON CONFLICT (batch_id) DO NOTHING
"""
_TAKE = """
WITH due AS (
    SELECT batch_id FROM {schema}.event_outbox WHERE due_time <= now() ORDER BY due_time LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE {schema}.event_outbox AS e SET due_time = now() + $1::interval
FROM due
WHERE e.batch_id = due.batch_id
RETURNING e.batch_id, routing_key, payload
"""
_MAKE_ALL_DUE = "UPDATE {schema}.event_outbox SET due_time = now()"
_DELETE_CONFIRMED = "DELETE FROM {schema}.event_outbox WHERE batch_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Event:
    """Facts that were committed together."""

    batch_id: UUID
    """Derived from what is stated, so that stating it again is no second event."""
    routing_key: str
    payload: bytes
    """A serialized tidings.event.v1.EventBatch."""


class EventOutbox:
    """The events of one service. Each is published at once after its commit, and again while the
    broker has not confirmed it."""

    def __init__(self, pool: Pool, *, schema: str, broker: Broker, interval: timedelta) -> None:
        self._pool = pool
        self._schema = schema
        self._broker = broker
        self._interval = interval
        self._confirmed: Batcher[UUID, None] = Batcher(self._delete, max_items=_DELETE)
        self._running: set[asyncio.Task[bool]] = set()
        self._under_way: set[UUID] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leaves what is under way to the next sweep, and deletes what was confirmed."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._confirmed.__aexit__(kind, error, traceback)

    async def add(self, connection: Connection, event: Event) -> None:
        """Stores an event in the transaction of what it states."""
        await connection.execute(
            self._sql(_INSERT), event.batch_id, event.routing_key, event.payload, self._interval
        )

    def publish_soon(self, event: Event) -> None:
        """Publishes a committed event beside the caller, who has other things to do."""
        task = asyncio.get_running_loop().create_task(self._publish(event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def make_all_due(self) -> None:
        """Has the next sweep publish everything: after a restart that proves every older process
        dead, nobody else is publishing these."""
        await self._pool.execute(self._sql(_MAKE_ALL_DUE))

    async def sweep(self) -> None:
        """Publishes again what was not confirmed in time, as long as the broker confirms."""
        while True:
            rows = await self._pool.fetch(self._sql(_TAKE), self._interval, _SWEEP)
            events = [Event(*row) for row in rows]
            confirmed = await asyncio.gather(
                *(self._publish(event) for event in events if event.batch_id not in self._under_way)
            )
            if len(rows) < _SWEEP or not all(confirmed):
                break

    async def _publish(self, event: Event) -> bool:
        """Returns whether the broker confirmed it."""
        self._under_way.add(event.batch_id)
        try:
            message = Message(body=event.payload, headers={EVENT_HEADER: event.routing_key})
            await self._broker.publish(EVENTS, event.routing_key, message)
            failpoint(f"{self._schema}.event_published")
            await self._confirmed.submit(event.batch_id)
        except (BrokerUnavailable, Unroutable) as error:
            _log.warning("event_not_published", extra={"why": kind_of(error)})
        except Exception:  # noqa: BLE001 - the rim of the task
            _log.exception("event_not_finished")
        else:
            return True
        finally:
            self._under_way.discard(event.batch_id)
        return False

    async def _delete(self, batch_ids: Sequence[UUID]) -> list[None]:
        await self._pool.execute(self._sql(_DELETE_CONFIRMED), batch_ids)
        return [None] * len(batch_ids)

    def _sql(self, statement: str) -> str:
        return statement.format(schema=self._schema)
