"""Builds dispatch from its parts."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import product

from libs.clock import Clock
from libs.egress.connecting import GuardedDialer, SystemResolver, tls_context
from libs.egress.settings import EgressSettings
from libs.events import EventOutbox
from libs.idempotency import SWEEP_INTERVAL, RequestIds
from libs.messaging.topology import BINDINGS, DELIVERIES
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.runtime.host import Host
from libs.sealing import RESEAL_INTERVAL
from libs.telemetry import metrics
from libs.telemetry.metrics import GAUGE_INTERVAL
from services.dispatch.channels.file import FileProvider
from services.dispatch.channels.provider import EmailProvider
from services.dispatch.channels.smtp import SmtpProvider
from services.dispatch.channels.webhook import HttpWebhookProvider
from services.dispatch.clients import Inbox, Preference, Renderer
from services.dispatch.config import Settings
from services.dispatch.domain.models import EMAIL, IN_APP, PRIORITIES, WEBHOOK
from services.dispatch.domain.settling import RetryPolicy
from services.dispatch.entrypoints.grpc import DeadLetterServicer, LedgerServicer
from services.dispatch.entrypoints.webhooks import WebhookServicer
from services.dispatch.entrypoints.work_consumer import WorkConsumer
from services.dispatch.store.dead_letters import DeadLetterStore
from services.dispatch.store.gone_endpoints import GoneEndpointStore
from services.dispatch.store.ledger import Ledger
from services.dispatch.store.ledger_reader import LedgerReader
from services.dispatch.store.retention import RetentionStore, ledger_weeks
from services.dispatch.store.webhook_roots import WebhookRoots
from services.dispatch.usecases import tell
from services.dispatch.usecases.cancel_deliveries import CancelDeliveries
from services.dispatch.usecases.claim_work import ClaimWork
from services.dispatch.usecases.delete_old import DeleteOld
from services.dispatch.usecases.deliver import Deliver, Outlet
from services.dispatch.usecases.get_webhook_secrets import GetWebhookSecrets
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.measure_backlog import MeasureBacklog
from services.dispatch.usecases.places import Places
from services.dispatch.usecases.read_deliveries import ReadDeliveries
from services.dispatch.usecases.recover_orphans import RecoverOrphans
from services.dispatch.usecases.restate_deliveries import RestateDeliveries
from services.dispatch.usecases.rotate_webhook_secrets import RotateWebhookSecrets
from services.dispatch.usecases.send_email import SendEmail
from services.dispatch.usecases.send_in_app import SendInApp
from services.dispatch.usecases.send_webhook import SendWebhook
from services.dispatch.usecases.slots import Slots
from services.dispatch.usecases.solitude import Solitude
from services.dispatch.usecases.tell_gone_endpoints import TellGoneEndpoints
from tidings.dispatch.v1 import dead_letter_service_pb2, webhook_service_pb2
from tidings.dispatch.v1.dead_letter_service_pb2_grpc import (
    add_DeadLetterServiceServicer_to_server,
)
from tidings.dispatch.v1.webhook_service_pb2_grpc import add_WebhookServiceServicer_to_server
from tidings.internal.dispatch.v1 import ledger_service_pb2
from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import add_LedgerServiceServicer_to_server
from tidings.internal.inbox.v1.inbox_delivery_service_pb2_grpc import InboxDeliveryServiceStub
from tidings.internal.preference.v1.endpoint_service_pb2_grpc import EndpointServiceStub
from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceStub

_BATCH = 200
# No provider's pace holds them up, so more of them in hand keep nobody waiting.
_IN_APP_CAPACITY_FACTOR = 2
# A slow endpoint holds up what shares a batch with it.
_WEBHOOK_BATCH = 8
_PLACE_SECONDS = 1.0
_FINISH_SECONDS = 10.0


async def open_service(stack: AsyncExitStack, host: Host) -> None:
    """Adds dispatch to a host."""
    settings = Settings.from_environ(host.environ)
    pool = await stack.enter_async_context(
        open_pool(host.database_url, application="dispatch", partitioned=True)
    )
    await migrate(pool, package="services.dispatch", schema="dispatch")
    await _add_retention(host, settings, pool)
    incarnation = Incarnation(pool, schema="dispatch", lease=settings.lease)
    await incarnation.begin(sole=host.sole)
    stack.push_async_callback(incarnation.end)

    events = await stack.enter_async_context(
        EventOutbox(pool, schema="dispatch", broker=host.broker, interval=settings.event_interval)
    )
    if host.sole:
        await events.make_all_due()
    ledger = Ledger(
        pool,
        events=events,
        owner=lambda: incarnation.incarnation_id,
        claim_deadline=settings.claim_deadline,
    )

    inbox = Inbox(InboxDeliveryServiceStub(host.peer("inbox")))
    reader = LedgerReader(pool)
    roots = WebhookRoots(pool, secrets=host.cluster_secrets, clock=host.clock)
    host.loops.add_periodic("dispatch.reseal", roots.reseal, every=RESEAL_INTERVAL)
    ways = await _open_ways(stack, host, settings, ledger, inbox, roots)
    lanes = _open_lanes(stack, host, settings, ledger, ways)
    dead_letters = DeadLetterStore(pool)
    claim = ClaimWork(
        pool=pool,
        ledger=ledger,
        events=events,
        dead_letters=dead_letters,
        lanes={(lane.channel, lane.priority): lane for lane in lanes},
        clock=host.clock,
    )
    host.internal.add(
        add_LedgerServiceServicer_to_server,
        LedgerServicer(
            read_deliveries=ReadDeliveries(ledger=reader, inbox=inbox),
            cancel_deliveries=CancelDeliveries(ledger=ledger),
            restate_deliveries=RestateDeliveries(reader),
        ),
        ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"],
    )
    host.public.add(
        add_DeadLetterServiceServicer_to_server,
        DeadLetterServicer(store=dead_letters),
        dead_letter_service_pb2.DESCRIPTOR.services_by_name["DeadLetterService"],
    )

    request_ids = RequestIds(pool, schema="dispatch", secrets=host.cluster_secrets)
    host.public.add(
        add_WebhookServiceServicer_to_server,
        WebhookServicer(
            get_secrets=GetWebhookSecrets(roots),
            rotate_secrets=RotateWebhookSecrets(roots),
            request_ids=request_ids,
        ),
        webhook_service_pb2.DESCRIPTOR.services_by_name["WebhookService"],
    )

    queues = [binding.queue for binding in BINDINGS if binding.exchange == DELIVERIES]
    consumer = WorkConsumer(broker=host.broker, queues=queues, claim=claim, clock=host.clock)
    recover = RecoverOrphans(
        pool=pool,
        ledger=ledger,
        dead_letters=dead_letters,
        policies={channel: way.policy for channel, way in ways.items()},
        max_lone_deaths=settings.max_lone_deaths,
        may_judge=incarnation.may_judge,
        clock=host.clock,
    )
    host.loops.add_periodic("dispatch.renew", incarnation.renew, every=settings.lease / 5)
    host.loops.add("dispatch.work", consumer.run)
    host.loops.add_periodic("dispatch.due", claim.claim_due, every=settings.sweep_interval)
    host.loops.add_periodic("dispatch.orphans", recover, every=settings.sweep_interval)
    tell_gone = TellGoneEndpoints(
        GoneEndpointStore(pool), Preference(EndpointServiceStub(host.peer("preference")))
    )
    host.loops.add_periodic("dispatch.gone_endpoints", tell_gone, every=settings.sweep_interval)
    host.loops.add_periodic("dispatch.events", events.sweep, every=settings.event_interval)
    host.loops.add_periodic("dispatch.request_ids", request_ids.sweep, every=SWEEP_INTERVAL)
    if metrics.are_read():
        host.loops.add_periodic("dispatch.gauges", MeasureBacklog(ledger), every=GAUGE_INTERVAL)


async def _add_retention(host: Host, settings: Settings, pool: Pool) -> None:
    delete_old = DeleteOld(
        weeks=ledger_weeks(pool),
        store=RetentionStore(pool),
        retention=settings.retention,
        clock=host.clock,
    )
    await delete_old.keep_weeks()
    every = settings.retention_interval
    host.loops.add_periodic("dispatch.weeks", delete_old.keep_weeks, every=every)
    host.loops.add_periodic("dispatch.retention", delete_old, every=every)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How the deliveries of a channel leave."""

    outlet: Outlet
    policy: RetryPolicy
    slots: Slots | None = None
    batch: int = _BATCH
    abreast: int = 1
    capacity_factor: int = 1
    """Times the capacity that settings give each lane."""


async def _open_ways(
    stack: AsyncExitStack,
    host: Host,
    settings: Settings,
    ledger: Ledger,
    inbox: Inbox,
    roots: WebhookRoots,
) -> dict[int, _Way]:
    policy = RetryPolicy(
        max_attempts=settings.max_attempts,
        base=settings.retry_base,
        ceiling=settings.retry_ceiling,
    )
    mail_slots, webhook_slots = Slots(settings.smtp_connections), Slots(settings.webhook_calls)
    email = SendEmail(
        ledger=ledger,
        provider=await stack.enter_async_context(_email_provider(settings, host.clock)),
        sender=settings.smtp_sender,
        slots=mail_slots,
        call_timeout=settings.smtp_timeout,
        policy=policy,
        clock=host.clock,
    )
    in_app = SendInApp(ledger=ledger, inbox=inbox, clock=host.clock)
    # Endpoints are away for hours where a mail server is for minutes.
    webhook_policy = RetryPolicy(
        max_attempts=settings.webhook_max_attempts,
        base=settings.webhook_retry_base,
        ceiling=settings.webhook_retry_ceiling,
    )
    resolver = await stack.enter_async_context(SystemResolver(threads=settings.webhook_calls))
    egress = EgressSettings.from_environ(host.environ)
    dialer = GuardedDialer(egress.policy(), resolve=resolver, tls=tls_context(egress.ca_file))
    webhook = SendWebhook(
        ledger=ledger,
        provider=HttpWebhookProvider(egress.policy(), dialer=dialer, clock=host.clock),
        roots=roots,
        slots=webhook_slots,
        places=Places(settings.webhook_calls_per_host, patience=_PLACE_SECONDS),
        call_timeout=settings.webhook_timeout,
        policy=webhook_policy,
        clock=host.clock,
    )
    return {
        EMAIL: _Way(outlet=email, policy=policy, slots=mail_slots),
        IN_APP: _Way(outlet=in_app, policy=policy, capacity_factor=_IN_APP_CAPACITY_FACTOR),
        WEBHOOK: _Way(
            outlet=await stack.enter_async_context(webhook),
            policy=webhook_policy,
            slots=webhook_slots,
            batch=_WEBHOOK_BATCH,
            abreast=max(1, settings.lane_capacity // _WEBHOOK_BATCH),
        ),
    }


def _open_lanes(
    stack: AsyncExitStack, host: Host, settings: Settings, ledger: Ledger, ways: dict[int, _Way]
) -> list[Lane]:
    renderer = Renderer(RenderingServiceStub(host.peer("template")))
    solitude = Solitude()
    lanes: list[Lane] = []
    for channel, priority in product(ways, PRIORITIES):
        way = ways[channel]
        deliver = Deliver(
            ledger=ledger,
            renderer=renderer,
            outlet=way.outlet,
            policy=way.policy,
            clock=host.clock,
        )
        lane = Lane(
            channel,
            priority,
            deliver=deliver,
            deliver_alone=deliver.alone,
            give_back=deliver.release,
            solitude=solitude,
            claim_deadline=settings.claim_deadline,
            capacity=settings.lane_capacity * way.capacity_factor,
            batch=way.batch,
            abreast=way.abreast,
        )
        host.loops.add(f"dispatch.lane.{channel}.{priority}", lane.run)
        stack.push_async_callback(_finish, lane, deliver)
        lanes.append(lane)
    tell.watch_lanes(lanes, {channel: way.slots for channel, way in ways.items() if way.slots})
    return lanes


def _email_provider(settings: Settings, clock: Clock) -> EmailProvider:
    if settings.smtp_url.startswith("file:"):
        return FileProvider(settings.smtp_url, clock=clock)
    return SmtpProvider(
        settings.smtp_url,
        sender=settings.smtp_sender,
        connections=settings.smtp_connections,
        clock=clock,
    )


async def _finish(lane: Lane, deliver: Deliver) -> None:
    """Lets calls in progress end and gives back what was not begun."""
    await deliver.release(await lane.finish(_FINISH_SECONDS))
