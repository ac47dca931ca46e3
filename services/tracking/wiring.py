"""Puts tracking together."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

from libs.batching import Batcher
from libs.postgres.migrations import migrate
from libs.postgres.pool import open_pool
from libs.runtime.host import Host
from services.tracking.clients import Ledger
from services.tracking.config import Settings
from services.tracking.domain.models import Stated
from services.tracking.entrypoints.events_consumer import DIVISIBLE, PREFETCH, EventsConsumer
from services.tracking.entrypoints.facts import FactServicer
from services.tracking.entrypoints.rebuild import RebuildServicer
from services.tracking.entrypoints.reports import ReportServicer
from services.tracking.store.rebuild import RebuildStore
from services.tracking.store.recording import RecordingStore
from services.tracking.store.reports import ReportStore
from services.tracking.store.retention import RetentionStore
from services.tracking.usecases.count_deliveries import CountDeliveries
from services.tracking.usecases.delete_old import DeleteOld
from services.tracking.usecases.list_deliveries import ListDeliveries
from services.tracking.usecases.read_facts import ReadFacts
from services.tracking.usecases.rebuild import ManageRebuild, RebuildProjection
from services.tracking.usecases.record_events import RecordEvents
from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import LedgerServiceStub
from tidings.internal.tracking.v1 import fact_service_pb2, rebuild_service_pb2
from tidings.internal.tracking.v1.fact_service_pb2_grpc import add_FactServiceServicer_to_server
from tidings.internal.tracking.v1.rebuild_service_pb2_grpc import (
    add_RebuildServiceServicer_to_server,
)
from tidings.tracking.v1 import report_service_pb2
from tidings.tracking.v1.report_service_pb2_grpc import add_ReportServiceServicer_to_server

# When one that was asked for is begun, at the latest.
_REBUILD_INTERVAL = timedelta(seconds=1)


async def open_service(stack: AsyncExitStack, host: Host) -> None:
    """Adds tracking to a host."""
    settings = Settings.from_environ(host.environ)
    pool = await stack.enter_async_context(open_pool(host.database_url, application="tracking"))
    await migrate(pool, package="services.tracking", schema="tracking")

    reports = ReportStore(pool)
    record = RecordEvents(store=RecordingStore(pool))
    recording: Batcher[Stated, None] = await stack.enter_async_context(
        Batcher(record, max_items=PREFETCH, divisible=DIVISIBLE)
    )
    stack.push_async_callback(record.stop)
    host.internal.add(
        add_FactServiceServicer_to_server,
        FactServicer(read_facts=ReadFacts(reports)),
        fact_service_pb2.DESCRIPTOR.services_by_name["FactService"],
    )
    rebuilds = RebuildStore(pool)
    host.internal.add(
        add_RebuildServiceServicer_to_server,
        RebuildServicer(manage=ManageRebuild(rebuilds)),
        rebuild_service_pb2.DESCRIPTOR.services_by_name["RebuildService"],
    )
    host.public.add(
        add_ReportServiceServicer_to_server,
        ReportServicer(
            list_deliveries=ListDeliveries(reports),
            count_deliveries=CountDeliveries(reports),
            clock=host.clock,
        ),
        report_service_pb2.DESCRIPTOR.services_by_name["ReportService"],
    )

    consumer = EventsConsumer(broker=host.broker, recording=recording)
    rebuild = RebuildProjection(
        ledger=Ledger(LedgerServiceStub(host.peer("dispatch"))),
        store=rebuilds,
        worker=uuid4(),
        share=settings.rebuild_share,
    )
    delete_old = DeleteOld(
        store=RetentionStore(pool), retention=settings.retention, clock=host.clock
    )
    host.loops.add("tracking.events", consumer.run)
    host.loops.add_periodic("tracking.rebuild", rebuild, every=_REBUILD_INTERVAL)
    host.loops.add_periodic("tracking.retention", delete_old, every=settings.retention_interval)
