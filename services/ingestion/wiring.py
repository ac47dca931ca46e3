"""Builds ingestion from its parts."""

from __future__ import annotations

from contextlib import AsyncExitStack

import asyncpg

from libs.batching import Batcher
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.runtime.host import Host
from libs.telemetry import metrics
from libs.telemetry.metrics import GAUGE_INTERVAL
from services.ingestion.clients import Facts, Ledger, Planner, TemplateCatalog
from services.ingestion.config import Settings
from services.ingestion.domain.admission import BacklogLimits
from services.ingestion.domain.models import (
    Answer,
    StoppedDelivery,
    StoppedPlan,
    Submission,
)
from services.ingestion.entrypoints.claims_consumer import ClaimsConsumer
from services.ingestion.entrypoints.grpc import IngestionServicer
from services.ingestion.store.backlog import BacklogStore
from services.ingestion.store.listing import ListingStore
from services.ingestion.store.notifications import NotificationStore
from services.ingestion.store.plans import PlanStore
from services.ingestion.store.retention import RetentionStore, notification_weeks
from services.ingestion.store.stopping import StoppingStore
from services.ingestion.usecases.accept_notifications import AcceptNotifications
from services.ingestion.usecases.cancel_notification import CancelNotification
from services.ingestion.usecases.delete_old import DeleteOld
from services.ingestion.usecases.finish_claimed import FinishClaimed
from services.ingestion.usecases.get_notification import GetNotification
from services.ingestion.usecases.hand_over import HandOver
from services.ingestion.usecases.list_notifications import ListNotifications
from services.ingestion.usecases.measure_backlog import MeasureBacklog
from services.ingestion.usecases.plan_notifications import PlanNotifications
from services.ingestion.usecases.publish_deliveries import PublishDeliveries
from services.ingestion.usecases.stop_deliveries import StopDeliveries
from services.ingestion.usecases.sweep_waiting import SweepWaiting
from services.ingestion.usecases.watch_backlog import WatchBacklog
from tidings.ingestion.v1 import ingestion_service_pb2
from tidings.ingestion.v1.ingestion_service_pb2_grpc import add_IngestionServiceServicer_to_server
from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import LedgerServiceStub
from tidings.internal.preference.v1.planning_service_pb2_grpc import PlanningServiceStub
from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceStub
from tidings.internal.tracking.v1.fact_service_pb2_grpc import FactServiceStub

_COMMIT = 500
_STOP = 100


async def open_service(stack: AsyncExitStack, host: Host) -> None:
    """Adds ingestion to a host."""
    settings = Settings.from_environ(host.environ)
    pool = await stack.enter_async_context(
        open_pool(host.database_url, application="ingestion", partitioned=True)
    )
    await migrate(pool, package="services.ingestion", schema="ingestion")
    await _add_retention(host, settings, pool)
    incarnation = Incarnation(pool, schema="ingestion", lease=settings.lease)
    await incarnation.begin(sole=host.sole)
    stack.push_async_callback(incarnation.end)

    notifications = NotificationStore(pool, claim_deadline=settings.claim_deadline)
    plans = PlanStore(
        pool,
        republish_interval=settings.republish_interval,
        republish_ceiling=settings.republish_ceiling,
    )
    if host.sole:
        await plans.republish_all_now()
    templates = TemplateCatalog(RenderingServiceStub(host.peer("template")))
    planner = Planner(PlanningServiceStub(host.peer("preference")))
    ledger = Ledger(LedgerServiceStub(host.peer("dispatch")))

    hand_over = HandOver()
    publish = PublishDeliveries(broker=host.broker, plans=plans)
    finish = FinishClaimed(plans=plans, clock=host.clock, hand_over=hand_over)
    stopping = StoppingStore(pool, ask_again=settings.sweep_interval)
    stop_deliveries = StopDeliveries(store=stopping, ledger=ledger, hand_over=hand_over)
    plan = PlanNotifications(
        pool=pool,
        notifications=notifications,
        plans=plans,
        planner=planner,
        publish=publish,
        hand_over=hand_over,
        clock=host.clock,
        owner=lambda: incarnation.incarnation_id,
        pause=settings.planning_pause,
        window=settings.credit_window,
    )
    sweep = SweepWaiting(
        notifications=notifications,
        plan=plan,
        hand_over=hand_over,
        owner=lambda: incarnation.incarnation_id,
        window=settings.credit_window,
        interval=settings.sweep_interval,
        may_judge=incarnation.may_judge,
    )
    accept = AcceptNotifications(
        store=notifications,
        templates=templates,
        planner=planner,
        hand_over=hand_over,
        clock=host.clock,
        owner=lambda: incarnation.incarnation_id,
        expected_delay=finish.expected_delay,
        check_backlog=_watch_backlog(host, settings, pool).check,
    )
    admission: Batcher[Submission, Answer] = await stack.enter_async_context(
        Batcher(
            accept,
            max_items=_COMMIT,
            parallel=settings.flushes,
            divisible=(asyncpg.DataError, asyncpg.IntegrityConstraintViolationError),
        )
    )
    # Cancellations that come together ask dispatch together.
    stopping_together: Batcher[
        StoppedPlan, list[StoppedDelivery]
    ] = await stack.enter_async_context(
        Batcher(stop_deliveries, max_items=_STOP, parallel=settings.flushes)
    )
    host.public.add(
        add_IngestionServiceServicer_to_server,
        IngestionServicer(
            admission=admission,
            cancel_notification=CancelNotification(
                notifications=notifications, stopping=stopping, stop_deliveries=stopping_together
            ),
            get_notification=GetNotification(
                store=notifications,
                ledger=ledger,
                facts=Facts(FactServiceStub(host.peer("tracking"))),
            ),
            list_notifications=ListNotifications(store=ListingStore(pool)),
        ),
        ingestion_service_pb2.DESCRIPTOR.services_by_name["IngestionService"],
    )

    claims = ClaimsConsumer(broker=host.broker, finish=finish)
    for number in range(settings.planners):
        host.loops.add(f"ingestion.plan.{number}", plan.run)
    host.loops.add("ingestion.claims", claims.run)
    host.loops.add("ingestion.waiting", sweep.run)
    every = settings.sweep_interval
    host.loops.add_periodic("ingestion.renew", incarnation.renew, every=settings.lease / 5)
    host.loops.add_periodic("ingestion.orphans", sweep.disown_orphans, every=every)
    host.loops.add_periodic("ingestion.stopped", stop_deliveries.sweep, every=every)
    host.loops.add_periodic("ingestion.outbox", publish.sweep, every=every)
    host.loops.add_periodic("ingestion.unconfirmed", publish.sweep_unconfirmed, every=every)
    _add_gauges(host, MeasureBacklog(notifications, plans))


async def _add_retention(host: Host, settings: Settings, pool: Pool) -> None:
    delete_old = DeleteOld(
        weeks=notification_weeks(pool),
        store=RetentionStore(pool),
        retention=settings.retention,
        request_id_retention=settings.request_id_retention,
        clock=host.clock,
    )
    await delete_old.keep_weeks()
    every = settings.retention_interval
    host.loops.add_periodic("ingestion.weeks", delete_old.keep_weeks, every=every)
    host.loops.add_periodic("ingestion.retention", delete_old, every=every)


def _watch_backlog(host: Host, settings: Settings, pool: Pool) -> WatchBacklog:
    backlog = WatchBacklog(
        store=BacklogStore(pool),
        limits=BacklogLimits(rows=settings.backlog_rows, age=settings.backlog_age),
        interval=settings.backlog_interval,
    )
    host.loops.add("ingestion.backlog", backlog.run)
    return backlog


def _add_gauges(host: Host, measure: MeasureBacklog) -> None:
    """Measures only what somebody reads."""
    if metrics.are_read():
        host.loops.add_periodic("ingestion.gauges", measure, every=GAUGE_INTERVAL)
