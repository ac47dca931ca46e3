"""Builds dispatch from its parts."""

from __future__ import annotations

from contextlib import AsyncExitStack
from uuid import UUID

from libs.batching import Batcher
from libs.messaging.topology import BINDINGS, DELIVERIES
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import open_pool
from libs.runtime.host import Host
from services.dispatch.channels.smtp import SmtpProvider
from services.dispatch.clients import Inbox, Renderer
from services.dispatch.config import Settings
from services.dispatch.domain.models import EMAIL, IN_APP
from services.dispatch.domain.settling import RetryPolicy
from services.dispatch.entrypoints.grpc import LedgerServicer
from services.dispatch.entrypoints.work_consumer import WorkConsumer
from services.dispatch.store import EventOutbox, Ledger
from services.dispatch.usecases.claim_work import ClaimWork
from services.dispatch.usecases.deliver import Deliver
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.publish_events import PublishEvents
from services.dispatch.usecases.read_deliveries import ReadDeliveries
from services.dispatch.usecases.recover_orphans import RecoverOrphans
from services.dispatch.usecases.send_email import SendEmail
from services.dispatch.usecases.send_in_app import SendInApp
from tidings.internal.dispatch.v1 import ledger_service_pb2
from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import add_LedgerServiceServicer_to_server
from tidings.internal.inbox.v1.inbox_delivery_service_pb2_grpc import InboxDeliveryServiceStub
from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceStub

_BATCH = 200
_FINISH_SECONDS = 10.0


async def open_service(stack: AsyncExitStack, host: Host) -> None:
    """Adds dispatch to a host."""
    settings = Settings.from_environ(host.environ)
    pool = await stack.enter_async_context(open_pool(host.database_url, application="dispatch"))
    await migrate(pool, package="services.dispatch", schema="dispatch")
    incarnation = Incarnation(pool, schema="dispatch", lease=settings.lease)
    await incarnation.begin(sole=host.sole)
    stack.push_async_callback(incarnation.end)

    ledger = Ledger(
        pool,
        owner=lambda: incarnation.incarnation_id,
        claim_deadline=settings.claim_deadline,
    )
    events = EventOutbox(pool, interval=settings.event_interval)
    if host.sole:
        await events.publish_all_now()
    confirmed: Batcher[UUID, None] = await stack.enter_async_context(
        Batcher(events.delete, max_items=500)
    )
    publish = PublishEvents(broker=host.broker, events=events, confirmed=confirmed)
    stack.push_async_callback(publish.stop)

    inbox = Inbox(InboxDeliveryServiceStub(host.peer("inbox")))
    policy = RetryPolicy(
        max_attempts=settings.max_attempts,
        base=settings.retry_base,
        ceiling=settings.retry_ceiling,
    )
    lanes = await _open_lanes(stack, host, settings, ledger, inbox, policy)
    claim = ClaimWork(
        pool=pool, ledger=ledger, events=events, publish=publish, lanes=lanes, clock=host.clock
    )
    host.internal.add(
        add_LedgerServiceServicer_to_server,
        LedgerServicer(read_deliveries=ReadDeliveries(ledger=ledger, inbox=inbox)),
        ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"],
    )

    queues = [binding.queue for binding in BINDINGS if binding.exchange == DELIVERIES]
    consumer = WorkConsumer(broker=host.broker, queues=queues, claim=claim)
    recover = RecoverOrphans(ledger=ledger, policy=policy, clock=host.clock)
    host.loops.add_periodic("dispatch.renew", incarnation.renew, every=settings.lease / 5)
    host.loops.add("dispatch.work", consumer.run)
    host.loops.add_periodic("dispatch.due", claim.claim_due, every=settings.sweep_interval)
    host.loops.add_periodic("dispatch.orphans", recover, every=settings.sweep_interval)
    host.loops.add_periodic("dispatch.events", publish.sweep, every=settings.event_interval)


async def _open_lanes(
    stack: AsyncExitStack,
    host: Host,
    settings: Settings,
    ledger: Ledger,
    inbox: Inbox,
    policy: RetryPolicy,
) -> dict[int, Lane]:
    renderer = Renderer(RenderingServiceStub(host.peer("template")))
    provider = await stack.enter_async_context(
        SmtpProvider(
            settings.smtp_url,
            sender=settings.smtp_sender,
            connections=settings.smtp_connections,
            clock=host.clock,
        )
    )
    email = SendEmail(
        ledger=ledger,
        provider=provider,
        sender=settings.smtp_sender,
        slice_size=settings.smtp_connections,
        call_timeout=settings.smtp_timeout,
        policy=policy,
        clock=host.clock,
    )
    in_app = SendInApp(ledger=ledger, inbox=inbox, clock=host.clock)
    lanes: dict[int, Lane] = {}
    for channel, outlet in ((EMAIL, email), (IN_APP, in_app)):
        deliver = Deliver(
            ledger=ledger,
            renderer=renderer,
            outlet=outlet,
            policy=policy,
            clock=host.clock,
        )
        lane = Lane(channel, deliver, capacity=settings.lane_capacity, batch=_BATCH)
        host.loops.add(f"dispatch.lane.{channel}", lane.run)
        stack.push_async_callback(_finish, lane, deliver)
        lanes[channel] = lane
    return lanes


async def _finish(lane: Lane, deliver: Deliver) -> None:
    """Lets calls in progress end and gives back what was not begun."""
    await deliver.release(await lane.finish(_FINISH_SECONDS))
