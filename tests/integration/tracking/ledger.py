"""A real ledger beside tracking: deliveries brought into every state by its own statements, whose events tracking
hears, and which it states again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc

from libs.clock import SystemClock, derive_uuid8, mint_uuid7
from libs.events import EventOutbox
from libs.messaging.memory import MemoryBroker
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.postgres.transaction import in_transaction
from libs.runtime.host import Host
from services.dispatch import wire
from services.dispatch.domain.models import (
    EMAIL,
    IN_APP,
    Attempt,
    ClaimedDelivery,
    Decision,
    DeliveryBatch,
    DeliveryState,
    DeliveryTask,
    DeliveryToCancel,
    Outcome,
    Settlement,
)
from services.dispatch.domain.settling import RetryPolicy
from services.dispatch.entrypoints.grpc import LedgerServicer
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.ledger import Ledger
from services.dispatch.store.ledger_reader import LedgerReader
from services.dispatch.store.retention import ledger_weeks
from services.dispatch.usecases.cancel_deliveries import CancelDeliveries
from services.dispatch.usecases.recover_orphans import RecoverOrphans
from services.dispatch.usecases.restate_deliveries import RestateDeliveries
from tests.integration.hosting import hosted
from tests.support.eventually import eventually
from tidings.internal.dispatch.v1 import ledger_service_pb2
from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import add_LedgerServiceServicer_to_server

S = DeliveryState
_NOW = timedelta()
_LATER = timedelta(hours=1)
_CALL = timedelta(seconds=1)


class LedgerBeside:
    """Tells stories of deliveries, one for every way into every state that occurs."""

    def __init__(self, pool: Pool, ledger: Ledger, channel: grpc.aio.Channel) -> None:
        self.pool = pool
        self.ledger = ledger
        self.channel = channel
        """To its internal service."""

    async def claim(
        self, tenant: str, count: int = 1, *, channel: int = EMAIL, days_ago: float = 0
    ) -> list[ClaimedDelivery]:
        """Enters deliveries, accepted so many days ago, of two categories and templates by turns."""
        accepted = datetime.now(UTC) - timedelta(days=days_ago)
        tasks = [_task(accepted, number) for number in range(count)]
        batch = DeliveryBatch(
            outbox_id=uuid4(), tenant_id=tenant, channel=channel, priority=2, tasks=tuple(tasks)
        )
        return await in_transaction(
            self.pool, lambda c: self.ledger.claim_tasks(c, batch, suspect=False)
        )

    async def settle(
        self, claimed: Sequence[ClaimedDelivery], state: DeliveryState, *, wait: timedelta | None
    ) -> None:
        """Settles what is in hand, with the word of a provider."""
        log = wire.attempt_log(1, _attempt("smtp"))
        settlement = Settlement(state=state, delay=wait)
        await self.ledger.settle(
            [Decision(delivery=c, settlement=settlement, attempt_log=log) for c in claimed],
            from_state=S.CLAIMED,
            attempts=1,
        )

    async def send(
        self, claimed: Sequence[ClaimedDelivery], state: DeliveryState, *, wait: timedelta | None
    ) -> None:
        """Calls a provider and settles what came of it."""
        await self.ledger.begin_sending(claimed, call_timeout=_CALL, render_time=datetime.now(UTC))
        log = wire.attempt_log(1, _attempt("smtp"))
        settlement = Settlement(state=state, delay=wait)
        await self.ledger.settle(
            [Decision(delivery=c, settlement=settlement, attempt_log=log) for c in claimed],
            from_state=S.SENDING,
        )

    async def cancel(self, deliveries: Sequence[ClaimedDelivery]) -> None:
        """Stops deliveries."""
        await self.ledger.cancel([_to_cancel(delivery) for delivery in deliveries])

    async def tombstone(self, tenant: str, *, days_ago: float = 0) -> None:
        """Stops a delivery whose message never comes."""
        task = _task(datetime.now(UTC) - timedelta(days=days_ago), 0)
        await self.cancel([_claimed(tenant, task)])

    async def die_of(self, delivery: ClaimedDelivery) -> None:
        """Has a third process die with this one alone in hand."""
        await self.pool.execute(
            "UPDATE dispatch.deliveries SET alone = true, lone_deaths = 2, claim_owner = $2"
            " WHERE delivery_id = $1",
            delivery.task.delivery_id,
            uuid4(),
        )
        recover = RecoverOrphans(
            pool=self.pool,
            ledger=self.ledger,
            dead_letters=DeadLetterStore(self.pool),
            policies={EMAIL: RetryPolicy(max_attempts=4, base=_CALL, ceiling=_CALL)},
            max_lone_deaths=3,
            may_judge=lambda: True,
            clock=SystemClock(),
        )
        await in_transaction(self.pool, recover.recover)

    async def every_state(self, tenant: str) -> list[ClaimedDelivery]:
        """Brings deliveries into every state that occurs, on two channels and over several weeks; returns those
        that are in a dispatcher's hands at the end, of which events have told before."""
        for days_ago in (0, 0.1, 3, 9, 20):
            await self._ends(tenant, days_ago)
        await self._waits(tenant)
        again = await self.claim(tenant, 3, days_ago=2)
        await self.send(again, S.RETRY, wait=_NOW)
        in_hand = await self.ledger.claim_due(EMAIL, 2, limit=100)
        assert {c.task.delivery_id for c in in_hand} == {c.task.delivery_id for c in again}
        await self.ledger.begin_sending(
            in_hand[:1], call_timeout=_CALL, render_time=datetime.now(UTC)
        )
        # Of these no event has told anything.
        await self.claim(tenant, 2)
        return in_hand

    async def _ends(self, tenant: str, days_ago: float) -> None:
        for state in (S.SENT, S.FAILED, S.EXPIRED, S.SUPPRESSED):
            claimed = await self.claim(tenant, 3, channel=IN_APP, days_ago=days_ago)
            await self.settle(claimed, state, wait=None)
        for state in (S.SENT, S.FAILED, S.UNKNOWN):
            await self.send(await self.claim(tenant, 2, days_ago=days_ago), state, wait=None)
        await self.tombstone(tenant, days_ago=days_ago)
        await self.cancel(await self.claim(tenant, days_ago=days_ago))
        tried = await self.claim(tenant, days_ago=days_ago)
        await self.send(tried, S.RETRY, wait=_LATER)
        await self.cancel(tried)
        late = await self.claim(tenant, days_ago=days_ago)
        await self.send(late, S.UNKNOWN, wait=None)
        log = wire.attempt_log(2, _attempt("late"))
        await self.ledger.settle_late([(late[0].task.delivery_id, log)])
        (dead,) = await self.claim(tenant, days_ago=days_ago)
        await self.die_of(dead)

    async def _waits(self, tenant: str) -> None:
        await self.send(await self.claim(tenant, 2), S.RETRY, wait=_LATER)
        await self.settle(await self.claim(tenant, 2), S.PARKED, wait=None)
        await self.send(await self.claim(tenant, 2), S.UNKNOWN, wait=_LATER)
        stopped = await self.claim(tenant, 2)
        await self.send(stopped, S.UNKNOWN, wait=_LATER)
        # It stays UNKNOWN, without another change.
        await self.cancel(stopped)
        revived = await self.claim(tenant, 2)
        await self.send(revived, S.UNKNOWN, wait=_NOW)
        await self.ledger.revive_unknown(limit=100)
        await self.pool.execute(
            "UPDATE dispatch.deliveries SET due_time = now() + interval '1 hour'"
            " WHERE delivery_id = ANY($1::uuid[])",
            [c.task.delivery_id for c in revived],
        )

    async def told(self) -> None:
        """Returns when tracking has taken all events."""

        async def empty() -> bool:
            left: int = await self.pool.fetchval("SELECT count(*) FROM dispatch.event_outbox")
            return left == 0

        await eventually(empty)


@asynccontextmanager
async def open_ledger(
    database_url: str, redis_url: str, broker: MemoryBroker
) -> AsyncIterator[LedgerBeside]:
    """Hosts a ledger in the database, with partitions for this week and the next."""
    opened: list[tuple[Pool, Ledger]] = []

    async def open_service(stack: AsyncExitStack, host: Host) -> None:
        pool = await stack.enter_async_context(
            open_pool(database_url, application="dispatch", partitioned=True)
        )
        await migrate(pool, package="services.dispatch", schema="dispatch")
        for days in (0, -7, -14):
            await ledger_weeks(pool).keep(datetime.now(UTC) + timedelta(days=days))
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        events = await stack.enter_async_context(
            EventOutbox(
                pool, schema="dispatch", broker=host.broker, interval=timedelta(milliseconds=50)
            )
        )
        host.loops.add_periodic("events", events.sweep, every=timedelta(milliseconds=50))
        ledger = Ledger(
            pool,
            events=events,
            owner=lambda: incarnation.incarnation_id,
            claim_deadline=timedelta(hours=1),
        )
        host.internal.add(
            add_LedgerServiceServicer_to_server,
            LedgerServicer(
                # Nobody asks for them here.
                read_deliveries=None,  # type: ignore[arg-type]
                cancel_deliveries=CancelDeliveries(ledger=ledger),
                restate_deliveries=RestateDeliveries(LedgerReader(pool)),
            ),
            ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"],
        )
        opened.append((pool, ledger))

    async with hosted(
        open_service, database_url=database_url, redis_url=redis_url, broker=broker
    ) as running:
        yield LedgerBeside(*opened[0], running.internal)


def _task(accepted: datetime, number: int) -> DeliveryTask:
    notification_id = mint_uuid7(accepted)
    return DeliveryTask(
        delivery_id=derive_uuid8(notification_id, uuid4().bytes),
        notification_id=notification_id,
        revision=1 + number % 2,
        recipient_id=("alice", "bob")[number % 2],
        category=("order.shipped", "news")[number % 2],
        endpoint="alice@example.com",
        locale="en",
        template_name=("order-shipped", "letter")[number % 2],
        template_version=3 + number,
        variables=b"",
        guarantee=1,
        accept_time=accepted,
        expire_time=datetime.now(UTC) + timedelta(days=1),
        traceparent="",
    )


def _claimed(tenant: str, task: DeliveryTask) -> ClaimedDelivery:
    return ClaimedDelivery(
        tenant_id=tenant,
        channel=EMAIL,
        priority=2,
        claim_token=uuid4(),
        attempts=0,
        claims=1,
        suspect=False,
        task=task,
    )


def _attempt(provider: str) -> Attempt:
    now = datetime.now(UTC)
    return Attempt(
        provider=provider,
        start_time=now,
        finish_time=now,
        outcome=Outcome.TRANSIENT,
        response="451 later",
    )


def _to_cancel(delivery: ClaimedDelivery) -> DeliveryToCancel:
    task = delivery.task
    return DeliveryToCancel(
        delivery_id=task.delivery_id,
        tenant_id=delivery.tenant_id,
        notification_id=task.notification_id,
        revision=task.revision,
        channel=delivery.channel,
        endpoint=task.endpoint,
        expire_time=task.expire_time,
        recipient_id=task.recipient_id,
        category=task.category,
        template_name=task.template_name,
        template_version=task.template_version,
        accept_time=task.accept_time,
    )
