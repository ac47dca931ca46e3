"""Ledgers that the files here share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from libs.events import EventOutbox
from libs.identity.caller import Caller, set_caller
from libs.messaging.memory import MemoryBroker
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import open_pool
from tests.integration.dispatch.aging_ledger import Dispatch
from tests.integration.dispatch.ledger_bench import SOON, Bench
from tests.integration.dispatch.webhook_bench import WebhookBench


@pytest.fixture(scope="module")
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with open_pool(database_url, application="test") as pool:
        await migrate(pool, package="services.dispatch", schema="dispatch")
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        # Nobody subscribes, so that what is stated stays to be seen.
        async with EventOutbox(
            pool, schema="dispatch", broker=MemoryBroker(), interval=SOON
        ) as events:
            yield Bench(pool, incarnation.incarnation_id, events)


@pytest.fixture
async def dispatch(database_url: str) -> AsyncIterator[Dispatch]:
    async with open_pool(database_url, application="test", partitioned=True) as pool:
        await pool.execute("DROP SCHEMA IF EXISTS dispatch CASCADE")
        await migrate(pool, package="services.dispatch", schema="dispatch")
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        async with EventOutbox(
            pool, schema="dispatch", broker=MemoryBroker(), interval=timedelta(hours=1)
        ) as events:
            opened = Dispatch(pool, incarnation.incarnation_id, events)
            await opened.delete_old.keep_weeks()
            yield opened


@pytest.fixture
async def webhooks(database_url: str) -> AsyncIterator[WebhookBench]:
    async with open_pool(database_url, application="test") as pool:
        await migrate(pool, package="services.dispatch", schema="dispatch")
        await pool.execute("TRUNCATE dispatch.deliveries, dispatch.webhook_roots")
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        set_caller(Caller(tenant_id="demo", subject="key", scopes=frozenset()))
        # Nobody subscribes.
        async with EventOutbox(
            pool, schema="dispatch", broker=MemoryBroker(), interval=timedelta(hours=1)
        ) as events:
            yield WebhookBench(pool, incarnation.incarnation_id, events)
