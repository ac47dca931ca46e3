"""Who works on a rebuild, and what a page is worth that comes too late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from libs.postgres.migrations import migrate
from libs.postgres.pool import open_pool
from services.tracking.domain.rebuild import Claim, LedgerPage, Rebuild, RebuildState
from services.tracking.store.rebuild import RebuildStore
from services.tracking.wire.events import delivery_from_proto
from tests.integration.tracking.statements import change

FIRST, SECOND, LAST = UUID(int=1), UUID(int=2), UUID(int=9)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[RebuildStore]:
    async with open_pool(database_url, application="test") as pool:
        await migrate(pool, package="services.tracking", schema="tracking")
        opened = RebuildStore(pool)
        await opened.start(from_nothing=True)
        yield opened


def page(next_after: UUID | None) -> LedgerPage:
    stated = (delivery_from_proto(change("acme")),)
    return LedgerPage(deliveries=stated, next_after=next_after, last_id=LAST)


async def claimed(store: RebuildStore, worker: UUID) -> Claim:
    claim = await store.claim(worker)
    assert claim is not None
    return claim


async def standing(store: RebuildStore) -> Rebuild:
    rebuild = await store.read()
    assert rebuild is not None
    return rebuild


async def test_one_works_until_it_leaves_it(store: RebuildStore) -> None:
    worker, other = uuid4(), uuid4()
    await claimed(store, worker)
    assert await store.claim(other) is None
    await claimed(store, worker)
    await store.release(other)
    assert await store.claim(other) is None
    await store.release(worker)
    await claimed(store, other)
    assert await store.claim(worker) is None


async def test_a_page_is_recorded_where_the_rebuild_is_and_nowhere_else(
    store: RebuildStore,
) -> None:
    worker = uuid4()
    claim = await claimed(store, worker)
    await store.record(worker, claim, page(FIRST))
    await store.record(worker, claim, page(SECOND))
    assert ((await standing(store)).deliveries, (await standing(store)).position) == (1, FIRST)
    await store.record(uuid4(), await claimed(store, worker), page(SECOND))
    assert (await standing(store)).deliveries == 1
    await store.record(worker, await claimed(store, worker), page(None))
    ended = await standing(store)
    assert (ended.state, ended.deliveries, ended.position) == (RebuildState.DONE, 2, LAST)
    assert await store.claim(worker) is None


async def test_a_page_of_one_that_was_begun_anew_is_not_recorded(store: RebuildStore) -> None:
    worker = uuid4()
    old = await claimed(store, worker)
    await store.start(from_nothing=True)
    await claimed(store, worker)
    await store.record(worker, old, page(FIRST))
    assert (await standing(store)).deliveries == 0


async def test_a_page_of_one_that_was_stopped_is_not_recorded(store: RebuildStore) -> None:
    worker = uuid4()
    claim = await claimed(store, worker)
    await store.stop()
    await store.record(worker, claim, page(FIRST))
    assert (await standing(store)).state is RebuildState.STOPPED
    assert (await standing(store)).deliveries == 0
