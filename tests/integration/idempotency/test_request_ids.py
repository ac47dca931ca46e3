"""A request id stands for one mutation, whatever happens between it and its answer."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta

import asyncpg
import pytest

from libs.cluster_secret import ClusterSecrets
from libs.errors import DependencyUnavailable, RequestIdReused
from libs.idempotency import AnswerUnreadable, RequestIds
from libs.postgres.pool import Pool, open_pool
from libs.postgres.transaction import Connection
from libs.rpc.status import status_of
from tests.integration.hosting import CLUSTER_SECRETS
from tests.integration.idempotency.making import make
from tests.support.eventually import eventually
from tidings.access.v1.access_service_pb2 import (
    CreateApiKeyRequest,
    CreateApiKeyResponse,
    UpdateApiKeyRequest,
    UpdateApiKeyResponse,
)


async def count(pool: Pool, table: str) -> int:
    found: int = await pool.fetchval(f"SELECT count(*) FROM kept.{table}")  # noqa: S608 - our own name
    return found


async def test_a_repeat_has_the_first_answer_and_changes_nothing(pool: Pool) -> None:
    first = await make(pool)
    assert await make(pool) == first
    assert await count(pool, "things") == 1


async def test_without_an_id_each_call_counts(pool: Pool) -> None:
    assert await make(pool, "") != await make(pool, "")
    assert (await count(pool, "things"), await count(pool, "request_ids")) == (2, 0)


async def test_another_payload_is_refused(pool: Pool) -> None:
    await make(pool)
    with pytest.raises(RequestIdReused):
        await make(pool, name="other")
    assert await count(pool, "things") == 1


async def test_an_id_is_its_tenants_and_its_methods(pool: Pool) -> None:
    assert await make(pool) != await make(pool, tenant_id="umbrella")

    async def update(connection: Connection) -> UpdateApiKeyResponse:
        return UpdateApiKeyResponse()

    request = UpdateApiKeyRequest(request_id="a1")
    await RequestIds(pool, schema="kept", secrets=CLUSTER_SECRETS).once(
        "acme", request, UpdateApiKeyResponse, update
    )
    assert await count(pool, "request_ids") == 3


async def test_fifty_at_once_through_two_pools_have_one_answer(pool: Pool, tables: str) -> None:
    async with open_pool(tables, application="test") as other:
        answers = await asyncio.gather(*(make(pool if n % 2 else other) for n in range(50)))
    assert len(set(answers)) == 1
    assert await count(pool, "things") == 1


async def test_who_waits_for_a_call_that_fails_takes_its_place(pool: Pool) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def fail(connection: Connection) -> CreateApiKeyResponse:
        begun.set()
        await go_on.wait()
        raise LookupError

    request = CreateApiKeyRequest(display_name="thing", request_id="a1")
    request_ids = RequestIds(pool, schema="kept", secrets=CLUSTER_SECRETS)
    failing = asyncio.create_task(request_ids.once("acme", request, CreateApiKeyResponse, fail))
    await begun.wait()
    waiting = asyncio.create_task(make(pool))
    await _until_one_waits(pool)
    assert not waiting.done()
    go_on.set()
    with pytest.raises(LookupError):
        await failing
    assert (await waiting).startswith("secret-")
    assert await count(pool, "things") == 1


async def _until_one_waits(pool: Pool) -> None:
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    await eventually(lambda: pool.fetchval(waiting))


async def test_a_connection_lost_after_the_change_leaves_neither(pool: Pool) -> None:
    async def change_and_lose(connection: Connection) -> CreateApiKeyResponse:
        await connection.execute("INSERT INTO kept.things (name) VALUES ('lost')")
        await pool.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
        return CreateApiKeyResponse(secret="lost")

    request = CreateApiKeyRequest(display_name="thing", request_id="a1")
    with pytest.raises((DependencyUnavailable, asyncpg.PostgresError)):
        await RequestIds(pool, schema="kept", secrets=CLUSTER_SECRETS).once(
            "acme", request, CreateApiKeyResponse, change_and_lose
        )
    assert (await count(pool, "things"), await count(pool, "request_ids")) == (0, 0)
    assert await make(pool) == await make(pool)


async def test_a_process_killed_after_the_change_leaves_neither(pool: Pool, tables: str) -> None:
    arguments = (sys.executable, "-m", "tests.integration.idempotency.making", tables)
    dying = await asyncio.create_subprocess_exec(
        *arguments, env={**os.environ, "TIDINGS_FAILPOINT": "idempotency.changed"}
    )
    assert await dying.wait() == -signal.SIGKILL
    assert (await count(pool, "things"), await count(pool, "request_ids")) == (0, 0)
    living = await asyncio.create_subprocess_exec(*arguments)
    assert await living.wait() == 0
    # Another process answers for the one that is gone.
    await make(pool)
    assert await count(pool, "things") == 1


async def test_the_table_tells_neither_id_nor_answer(pool: Pool) -> None:
    secret = await make(pool, "an-id-to-find")
    row = str(tuple(await pool.fetchrow("SELECT * FROM kept.request_ids") or ()))
    assert "an-id-to-find" not in row
    assert secret not in row


async def test_the_table_and_a_guessed_id_do_not_open_an_answer(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    await make(pool, "1")
    with pytest.raises(AnswerUnreadable) as raised:
        await make(pool, "1", secrets=ClusterSecrets("what one who has only the table makes up"))
    status = status_of(raised.value, "quoted")
    assert (status.code, "its answer is lost" in status.message) == (6, True)
    # Nothing was carried out again, and the row is as it was.
    assert (await count(pool, "things"), await count(pool, "request_ids")) == (1, 1)
    assert (await make(pool, "1")).startswith("secret-")
    (record,) = caplog.records
    assert record.msg == "answer_unreadable"
    assert "give that one as TIDINGS_CLUSTER_SECRET" in record.why  # type: ignore[attr-defined]
    assert record.table == "kept.request_ids"  # type: ignore[attr-defined]


async def test_while_one_secret_replaces_the_other_answers_are_read(pool: Pool) -> None:
    before, after = CLUSTER_SECRETS.current, "the secret that comes to replace it"
    old = await make(pool, "old")
    replaced = ClusterSecrets(after, before)
    assert await make(pool, "old", secrets=replaced) == old
    # A process that was not restarted yet reads what one that was has answered.
    new = await make(pool, "new", secrets=replaced)
    assert await make(pool, "new", secrets=ClusterSecrets(before, after)) == new
    assert await count(pool, "things") == 2


async def test_another_payload_is_told_apart_whatever_the_secret(pool: Pool) -> None:
    await make(pool)
    with pytest.raises(RequestIdReused):
        await make(
            pool, name="other", secrets=ClusterSecrets("one that never sealed anything here")
        )


@pytest.mark.parametrize(
    ("request_id", "name", "tenant_id"),
    [("mine", "thing", "acme"), ("theirs", "other", "acme"), ("theirs", "thing", "umbrella")],
)
async def test_an_answer_that_was_moved_to_another_row_does_not_open(
    pool: Pool, request_id: str, name: str, tenant_id: str
) -> None:
    await make(pool, "theirs")
    stolen = await pool.fetchval("SELECT answer FROM kept.request_ids")
    await pool.execute("DELETE FROM kept.request_ids")
    await make(pool, request_id, name=name, tenant_id=tenant_id)
    await pool.execute("UPDATE kept.request_ids SET answer = $1", stolen)
    with pytest.raises(AnswerUnreadable):
        await make(pool, request_id, name=name, tenant_id=tenant_id)


async def test_old_ids_are_forgotten_and_young_ones_kept(pool: Pool) -> None:
    for number in range(3):
        await make(pool, f"old-{number}")
    await pool.execute("UPDATE kept.request_ids SET create_time = now() - interval '25 hours'")
    kept = await make(pool, "young")
    await pool.execute(
        "UPDATE kept.request_ids SET create_time = now() - interval '24 hours'"
        " WHERE create_time > now() - interval '1 hour'"
    )
    await RequestIds(pool, schema="kept", secrets=CLUSTER_SECRETS).sweep()
    assert await count(pool, "request_ids") == 1
    assert await make(pool, "young") == kept
    await make(pool, "old-1")
    assert await count(pool, "things") == 5


async def test_a_sweep_goes_on_until_all_is_swept(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.idempotency._SWEPT", 2)
    for number in range(5):
        await make(pool, f"old-{number}")
    await RequestIds(pool, schema="kept", secrets=CLUSTER_SECRETS, retention=timedelta()).sweep()
    assert await count(pool, "request_ids") == 0
