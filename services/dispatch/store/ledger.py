"""The ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from libs.clock import lowest_id_before
from libs.events import Event, EventOutbox
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.postgres.transaction import Connection, in_transaction
from libs.postgres.week_partitions import id_bounds
from services.dispatch import wire
from services.dispatch.domain.arrows import SETTLES, check_arrow
from services.dispatch.domain.models import (
    IN_APP,
    SUSPECT_FROM,
    ClaimedDelivery,
    Decision,
    DeliveryBatch,
    DeliveryState,
    DeliveryToCancel,
    Settlement,
)
from services.dispatch.store.gone_endpoints import add_gone_endpoints
from services.dispatch.store.rows import claimed_from_row

_SQL = load_queries("services.dispatch")

_LATE = timedelta(days=1)

Changed = tuple[list[asyncpg.Record], Event | None]
"""The rows that a statement changed, and the event that states it."""
SettlementRow = tuple[UUID, Settlement, bytes]
"""Delivery, what becomes of it, what is appended to its attempt log."""


class Ledger:
    """Deliveries and the transitions between their states. Each checks state and token in SQL;
    a row that was lost meanwhile is left alone and not returned. What waits again or ends is stated
    in an event of the same transaction."""

    def __init__(
        self,
        pool: Pool,
        *,
        events: EventOutbox,
        owner: Callable[[], UUID],
        claim_deadline: timedelta,
    ) -> None:
        self._pool = pool
        self._events = events
        self._owner = owner
        self._claim_deadline = claim_deadline

    async def claim_tasks(
        self, connection: Connection, batch: DeliveryBatch, *, suspect: bool
    ) -> list[ClaimedDelivery]:
        """Enters a message's deliveries as CLAIMED; returns those that were never there before.

        `suspect`: processes died with the message in hand, so each is to be worked on alone.
        """
        token = uuid4()
        tasks = batch.tasks
        rows = await connection.fetch(
            _SQL["claim_tasks"],
            [task.delivery_id for task in tasks],
            batch.tenant_id,
            batch.channel,
            batch.priority,
            [task.notification_id for task in tasks],
            [task.revision for task in tasks],
            [task.recipient_id for task in tasks],
            [task.category for task in tasks],
            [task.guarantee for task in tasks],
            [task.endpoint for task in tasks],
            [task.locale for task in tasks],
            [task.template_name for task in tasks],
            [task.template_version for task in tasks],
            [task.variables for task in tasks],
            [task.traceparent for task in tasks],
            [task.accept_time for task in tasks],
            self._owner(),
            token,
            self._claim_deadline,
            [task.expire_time for task in tasks],
            SUSPECT_FROM if suspect else 0,
            batch.outbox_id,
            lowest_id_before(batch.outbox_id, by=_LATE),
        )
        new = {row["delivery_id"] for row in rows}
        return [
            ClaimedDelivery(
                tenant_id=batch.tenant_id,
                channel=batch.channel,
                priority=batch.priority,
                claim_token=token,
                attempts=0,
                claims=1,
                suspect=suspect,
                task=task,
            )
            for task in tasks
            if task.delivery_id in new
        ]

    async def claim_due(self, channel: int, priority: int, *, limit: int) -> list[ClaimedDelivery]:
        """Claims what waits in a lane and whose time has come."""
        rows = await self._pool.fetch(
            _SQL["claim_due"],
            self._owner(),
            uuid4(),
            self._claim_deadline,
            channel,
            priority,
            limit,
        )
        return [claimed_from_row(row) for row in rows]

    async def is_any_due(self) -> bool:
        """Says whether anything is due and in nobody's hands, in whatever lane."""
        due: bool = await self._pool.fetchval(_SQL["is_any_due"])
        return due

    async def count_due(self) -> dict[tuple[int, int], int]:
        """Returns how many deliveries are due and in nobody's hands, by channel and priority."""
        rows = await self._pool.fetch(_SQL["count_due"])
        return {(row["channel"], row["priority"]): row["deliveries"] for row in rows}

    async def begin_alone(self, delivery: ClaimedDelivery) -> None:
        """Notes that this process works on this one delivery and on nothing else."""
        with database():
            await self._pool.execute(
                _SQL["begin_alone"], delivery.task.delivery_id, delivery.claim_token
            )

    async def begin_sending(
        self,
        deliveries: Sequence[ClaimedDelivery],
        *,
        call_timeout: timedelta,
        render_time: datetime,
    ) -> set[UUID]:
        """Moves CLAIMED to SENDING and counts the attempt; returns those that may be sent now."""
        ids = [delivery.task.delivery_id for delivery in deliveries]
        with database():
            rows = await self._pool.fetch(
                _SQL["begin_sending"],
                ids,
                [delivery.claim_token for delivery in deliveries],
                call_timeout,
                render_time,
                *id_bounds(ids),
            )
        return {row["delivery_id"] for row in rows}

    async def settle(
        self,
        decisions: Sequence[Decision],
        *,
        from_state: DeliveryState,
        render_time: datetime | None = None,
        attempts: int = 0,
    ) -> set[UUID]:
        """Moves rows out of CLAIMED or SENDING; returns those that were still in hand.

        Raises ValueError for an arrow that does not exist.
        """
        for decision in decisions:
            check_arrow(SETTLES, from_state, decision.settlement.state)
        settled = await self._change(
            "settle",
            *_settlement_columns(
                [(d.delivery.task.delivery_id, d.settlement, d.attempt_log) for d in decisions]
            ),
            render_time,
            [d.delivery.claim_token for d in decisions],
            from_state.value,
            attempts,
            IN_APP,
            *id_bounds([d.delivery.task.delivery_id for d in decisions]),
            [d.settlement.in_doubt for d in decisions],
            gone=[d for d in decisions if d.gone_call_time is not None],
        )
        return {row["delivery_id"] for row in settled}

    async def settle_late(self, rows: Sequence[tuple[UUID, bytes]]) -> None:
        """Turns UNKNOWN into SENT for calls that succeeded after their claim was lost."""
        ids = [row[0] for row in rows]
        await self._change("settle_late", ids, [row[1] for row in rows], *id_bounds(ids))

    async def cancel(self, deliveries: Sequence[DeliveryToCancel]) -> list[DeliveryState]:
        """Stops deliveries, known or not; returns the state of each after that: UNKNOWN of those below
        the floor that are deleted."""
        ids = [delivery.delivery_id for delivery in deliveries]
        bounds = id_bounds(ids)

        async def work(connection: Connection) -> Changed:
            stopped = await connection.fetch(
                _change("insert_tombstones"),
                ids,
                [delivery.tenant_id for delivery in deliveries],
                [delivery.notification_id for delivery in deliveries],
                [delivery.revision for delivery in deliveries],
                [delivery.channel for delivery in deliveries],
                [delivery.endpoint for delivery in deliveries],
                [delivery.expire_time for delivery in deliveries],
                [delivery.recipient_id for delivery in deliveries],
                [delivery.category for delivery in deliveries],
                [delivery.template_name for delivery in deliveries],
                [delivery.template_version for delivery in deliveries],
                [delivery.accept_time for delivery in deliveries],
            )
            stopped += await connection.fetch(_change("cancel_deliveries"), ids, IN_APP, *bounds)
            event = await self._state(connection, stopped)
            return await connection.fetch(_SQL["read_states"], ids, *bounds), event

        rows, event = await in_transaction(self._pool, work)
        self.publish_soon(event)
        states = {row["delivery_id"]: DeliveryState(row["state"]) for row in rows}
        return [states.get(delivery_id, DeliveryState.UNKNOWN) for delivery_id in ids]

    async def lock_orphans(self, connection: Connection, *, limit: int) -> list[asyncpg.Record]:
        """Returns rows in dead hands, locked until the transaction ends."""
        return await connection.fetch(_SQL["lock_orphans"], limit)

    async def settle_orphans(
        self, connection: Connection, rows: Sequence[SettlementRow], died: Sequence[bool]
    ) -> Event | None:
        """Takes locked rows out of hands; `died` says of each whether its process is dead.

        Returns what is to be published when the transaction is committed.
        """
        orphans = await connection.fetch(_change("orphan"), *_settlement_columns(rows), died)
        return await self._state(connection, orphans)

    async def revive_unknown(self, *, limit: int) -> None:
        """Makes UNKNOWN deliveries that are due again RETRY."""
        await self._change("revive_unknown", limit)

    def publish_soon(self, event: Event | None) -> None:
        """Publishes a committed event, if there is one."""
        if event is not None:
            self._events.publish_soon(event)

    async def _change(
        self, statement: str, *arguments: object, gone: Sequence[Decision] = ()
    ) -> list[asyncpg.Record]:
        """Runs a statement that changes deliveries in a transaction of its own, and states it.

        `gone`: those whose endpoint said that it is gone, whoever holds the delivery by now.
        """

        async def work(connection: Connection) -> Changed:
            rows = await connection.fetch(_change(statement), *arguments)
            if gone:
                await add_gone_endpoints(connection, gone)
            return rows, await self._state(connection, rows)

        rows, event = await in_transaction(self._pool, work)
        self.publish_soon(event)
        return rows

    async def _state(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> Event | None:
        event = wire.changed_event(rows)
        if event is not None:
            await self._events.add(connection, event)
        return event


def _change(statement: str) -> str:
    return f"{_SQL[statement]}\n{_SQL['change']}"


def _settlement_columns(rows: Sequence[SettlementRow]) -> list[list[object]]:
    return [
        [delivery_id for delivery_id, _, _ in rows],
        [settlement.state.value for _, settlement, _ in rows],
        [settlement.detail for _, settlement, _ in rows],
        [settlement.delay for _, settlement, _ in rows],
        [log for _, _, log in rows],
    ]
