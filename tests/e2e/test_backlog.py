"""Accepted work is bounded per tenant, by what waits to be planned and by the age of what waits to leave."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import asyncpg
import grpc
import pytest
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from cli.serve import Cluster, ServeOptions, open_cluster
from libs.embedded.passwords import password
from libs.embedded.ports import remembered_port
from libs.embedded.postgres import DATABASE, USER
from tests.support.api import Api, error_info, open_api, send_request
from tests.support.eventually import eventually
from tidings.common.v1.priority_pb2 import Priority
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancelNotificationRequest,
    SendNotificationRequest,
    SendNotificationsRequest,
)

ROWS = 5
Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture(scope="module")
async def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("backlog")
    return path


@pytest.fixture(scope="module")
async def bounded(directory: Path) -> AsyncIterator[Cluster]:
    environ = {
        "TIDINGS_INGESTION_BACKLOG_ROWS": str(ROWS),
        "TIDINGS_INGESTION_BACKLOG_INTERVAL_SECONDS": "0.02",
    }
    options = ServeOptions(data_directory=directory / "data", listen="127.0.0.1:0", environ=environ)
    async with open_cluster(options) as served:
        yield served


@pytest.fixture
async def api(bounded: Cluster) -> AsyncIterator[Api]:
    async with open_api(bounded) as client:
        await client.seed()
        yield client


@pytest.fixture
async def database(bounded: Cluster, directory: Path) -> AsyncIterator[Database]:
    folder = directory / "data" / "postgres"
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=remembered_port(folder / "port"),
        user=USER,
        password=password(folder),
        database=DATABASE,
        ssl=False,
    )
    yield connection
    await connection.close()


def scheduled() -> SendNotificationRequest:
    request = send_request()
    request.send_time.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    return request


def urgent(priority: Priority.ValueType) -> SendNotificationRequest:
    request = send_request()
    request.priority = priority
    return request


async def refused(api: Api) -> grpc.aio.AioRpcError | None:
    try:
        await api.send()
    except grpc.aio.AioRpcError as error:
        return error
    return None


def quota(status: Status) -> error_details_pb2.QuotaFailure:
    found = error_details_pb2.QuotaFailure()
    assert sum(detail.Unpack(found) for detail in status.details) == 1
    return found


async def test_what_waits_is_bounded_by_rows(
    api: Api, bounded: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, *others = [scheduled() for _ in range(ROWS)]
    accepted = await api.ingestion.SendNotification(first, metadata=api.metadata)
    for request in others:
        await api.ingestion.SendNotification(request, metadata=api.metadata)
    error = await eventually(lambda: refused(api))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error_info(error).reason == "BACKLOG_FULL"
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    (violation,) = quota(status).violations
    assert violation.subject.startswith("tenant:")
    assert str(ROWS) in violation.description
    retry = error_details_pb2.RetryInfo()
    assert sum(detail.Unpack(retry) for detail in status.details) == 1
    assert retry.retry_delay.seconds > 0

    # A repeat of what was accepted is answered, what is new is not, whatever its priority.
    entries = [first, send_request(), urgent(Priority.PRIORITY_CRITICAL)]
    batch = await api.ingestion.SendNotifications(
        SendNotificationsRequest(entries=entries), metadata=api.metadata
    )
    again, *new = batch.results
    assert again.accepted.replayed
    assert again.accepted.notification_id == accepted.notification_id
    assert [quota(result.error).violations[0].subject for result in new] == [violation.subject] * 2

    # Others are not concerned; and it ends.
    async with open_api(bounded) as other:
        await other.seed()
        await other.send()
    await api.ingestion.CancelNotification(
        CancelNotificationRequest(notification_id=accepted.notification_id), metadata=api.metadata
    )

    async def accepts() -> bool:
        return await refused(api) is None

    await eventually(accepts)
    told = [record.message for record in caplog.records if record.message.startswith("backlog_")]
    assert told[:1] == ["backlog_full"]
    assert told[-1:] == ["backlog_in_bounds"]


async def test_while_old_work_cannot_leave_only_urgent_work_is_accepted(
    api: Api, database: Database
) -> None:
    sent = await api.send()
    tenant_id = await database.fetchval(
        "SELECT tenant_id FROM ingestion.notifications WHERE notification_id = $1",
        sent.notification_id,
    )
    outbox_id = uuid4()
    await database.execute(
        "INSERT INTO ingestion.outbox (outbox_id, tenant_id, channel, priority, delivery_count, payload,"
        " create_time, due_time) VALUES ($1, $2, 1, 2, 1, '', now() - interval '61 minutes', 'infinity')",
        outbox_id,
        tenant_id,
    )
    error = await eventually(lambda: refused(api))
    assert error_info(error).reason == "BACKLOG_FULL"
    assert "high" in (error.details() or "")
    for priority in (Priority.PRIORITY_HIGH, Priority.PRIORITY_CRITICAL):
        await api.ingestion.SendNotification(urgent(priority), metadata=api.metadata)
    await database.execute("DELETE FROM ingestion.outbox WHERE outbox_id = $1", outbox_id)

    async def accepts() -> bool:
        return await refused(api) is None

    await eventually(accepts)
