"""Roots of webhook secrets at rest: sealed, each for its row, and sealed anew with another cluster secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from libs.clock import SystemClock
from libs.cluster_secret import ClusterSecrets
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.postgres.transaction import in_transaction
from libs.sealing import Sealer
from services.dispatch.store import webhook_roots
from services.dispatch.store.webhook_roots import WebhookRoots
from tests.integration.hosting import CLUSTER_SECRETS

BEFORE, AFTER = CLUSTER_SECRETS.current, "the secret that comes to replace it"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on an empty table."""
    async with open_pool(database_url, application="test") as opened:
        await migrate(opened, package="services.dispatch", schema="dispatch")
        await opened.execute("TRUNCATE dispatch.webhook_roots")
        yield opened


def roots_of(pool: Pool, *secrets: str) -> WebhookRoots:
    return WebhookRoots(pool, secrets=ClusterSecrets(*secrets), clock=SystemClock())


async def test_another_secret_reads_nothing_and_makes_nothing(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    first = await roots_of(pool, BEFORE).of(["acme"])
    assert await roots_of(pool, AFTER).of(["acme"]) == {}
    assert await pool.fetchval("SELECT count(*) FROM dispatch.webhook_roots") == 1
    assert {record.msg for record in caplog.records} == {"webhook_root_unreadable"}
    assert "TIDINGS_CLUSTER_SECRET_OTHER" in caplog.records[0].why  # type: ignore[attr-defined]
    assert await roots_of(pool, BEFORE).of(["acme"]) == first


@pytest.mark.parametrize(
    ("change", "owner"),
    [("tenant_id = 'umbrella'", "umbrella"), ("root_id = gen_random_uuid()", "acme")],
)
async def test_a_root_opens_in_its_own_row_only(pool: Pool, change: str, owner: str) -> None:
    await roots_of(pool, BEFORE).of(["acme"])
    await pool.execute(f"UPDATE dispatch.webhook_roots SET {change}")  # noqa: S608 - our own words
    assert await roots_of(pool, BEFORE).of([owner]) == {}


async def test_one_that_does_not_open_takes_the_tenants_others_with_it(pool: Pool) -> None:
    roots = roots_of(pool, BEFORE)
    await roots.of(["acme"])
    await pool.execute("UPDATE dispatch.webhook_roots SET sealed_root = $1", bytes(69))
    await in_transaction(pool, lambda c: roots.rotate(c, "acme", overlap=timedelta(hours=1)))
    assert await pool.fetchval("SELECT count(*) FROM dispatch.webhook_roots") == 2
    assert await roots.of(["acme"]) == {}


async def test_a_replaced_secret_can_be_taken_away_when_roots_are_sealed_anew(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_roots, "_RESEALED", 2)
    tenants = [f"tenant-{number}" for number in range(5)]
    roots = await roots_of(pool, BEFORE).of(tenants)
    await pool.execute(
        "UPDATE dispatch.webhook_roots SET sealed_root = $1 WHERE tenant_id = 'tenant-0'", bytes(69)
    )
    del roots["tenant-0"]
    await roots_of(pool, AFTER, BEFORE).reseal()
    # A process that still uses the old one was told of the new one first.
    assert await roots_of(pool, BEFORE, AFTER).of(tenants) == roots
    assert await roots_of(pool, AFTER).of(tenants) == roots
    assert await roots_of(pool, BEFORE).of(tenants) == {}


async def test_what_was_opened_is_not_opened_anew_by_each_batch(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    plain = Sealer.open

    def counted(sealer: Sealer, sealed: bytes, *subject: str) -> bytes:
        opened.append(subject)
        return plain(sealer, sealed, *subject)

    monkeypatch.setattr(Sealer, "open", counted)
    roots = roots_of(pool, BEFORE)
    found = await roots.of(["acme", "umbrella"])
    for _ in range(10):
        assert await roots.of(["acme", "umbrella"]) == found
    assert len(opened) == 2
    # The table is read all the same: what was rotated away is gone at once.
    await pool.execute("DELETE FROM dispatch.webhook_roots")
    assert (await roots.of(["acme"]))["acme"] != found["acme"]
