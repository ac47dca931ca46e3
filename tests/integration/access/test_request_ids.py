"""Keys that are made and changed with a request id, and asked for again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import grpc

from services.access.wiring import open_service
from tests.integration.access.calls import bearer, create
from tests.integration.access.running import Running, tenant_admin
from tests.integration.forgetting import check_old_answers_are_forgotten
from tests.support.refusals import refusal
from tidings.access.v1.access_service_pb2 import (
    CreateApiKeyRequest,
    ListApiKeysRequest,
    UpdateApiKeyRequest,
)
from tidings.common.v1.authorization_pb2 import (
    SCOPE_KEYS_MANAGE,
    SCOPE_NOTIFICATIONS_SEND,
    SCOPE_TEMPLATES_READ,
)

if TYPE_CHECKING:
    from tidings.access.v1.access_service_pb2_grpc import AccessServiceAsyncStub


def making(request_id: str, name: str = "backend") -> CreateApiKeyRequest:
    return CreateApiKeyRequest(
        display_name=name, scopes=[SCOPE_NOTIFICATIONS_SEND], request_id=request_id
    )


async def test_a_repeat_has_the_same_secret_and_makes_no_key(
    running: Running, access: AccessServiceAsyncStub
) -> None:
    owner = await tenant_admin(running, "repeating")
    answers = await asyncio.gather(
        *(access.CreateApiKey(making("once"), metadata=bearer(owner)) for _ in range(5))
    )
    assert all(answer == answers[0] for answer in answers)
    caller = await running.fresh_authenticator.authenticate(answers[0].secret)
    assert caller.subject == answers[0].api_key.key_id
    listed = await access.ListApiKeys(ListApiKeysRequest(), metadata=bearer(owner))
    assert len(listed.api_keys) == 2
    other = await access.CreateApiKey(making("twice"), metadata=bearer(owner))
    assert other.secret != answers[0].secret


async def test_another_payload_is_refused(access: AccessServiceAsyncStub, admin: str) -> None:
    await access.CreateApiKey(making("payload"), metadata=bearer(admin))
    refused = await refusal(access.CreateApiKey(making("payload", "x"), metadata=bearer(admin)))
    assert refused.code is grpc.StatusCode.ALREADY_EXISTS
    assert (refused.reason, refused.metadata) == ("REQUEST_ID_REUSED", {"request_id": "payload"})


async def test_an_id_is_the_tenants_own(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    first = await access.CreateApiKey(making("owned"), metadata=bearer(admin))
    stranger = await tenant_admin(running, "repeating-stranger")
    second = await access.CreateApiKey(making("owned"), metadata=bearer(stranger))
    assert second.secret != first.secret
    caller = await running.fresh_authenticator.authenticate(second.secret)
    assert caller.tenant_id == "repeating-stranger"


async def test_a_secret_is_not_given_again_to_who_could_not_grant_it(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    await access.CreateApiKey(making("granted"), metadata=bearer(admin))
    manager = (await create(access, admin, SCOPE_KEYS_MANAGE, SCOPE_TEMPLATES_READ)).secret
    refused = await refusal(access.CreateApiKey(making("granted"), metadata=bearer(manager)))
    assert (refused.reason, refused.metadata) == ("SCOPE_MISSING", {"scope": "notifications:send"})


async def test_neither_secret_nor_id_is_stored_in_the_clear(
    access: AccessServiceAsyncStub, admin: str, database_url: str
) -> None:
    answer = await access.CreateApiKey(making("an-id-to-find"), metadata=bearer(admin))
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT * FROM access.request_ids")
    keys = await connection.fetch("SELECT api_keys::text AS row FROM access.api_keys")
    await connection.close()
    stored = b"".join(value for row in rows for value in row.values() if isinstance(value, bytes))
    assert stored
    for hidden in (answer.secret, answer.secret.rpartition("_")[2], "an-id-to-find"):
        assert hidden.encode() not in stored
        assert not [row for row in keys if hidden in row["row"]]


async def test_a_repeated_change_does_not_undo_the_one_between(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    key = (await create(access, admin, SCOPE_TEMPLATES_READ)).api_key
    request = UpdateApiKeyRequest(
        key_id=key.key_id, display_name="first", etag=key.etag, request_id="changed"
    )
    first = await access.UpdateApiKey(request, metadata=bearer(admin))
    between = UpdateApiKeyRequest(key_id=key.key_id, display_name="second")
    second = await access.UpdateApiKey(between, metadata=bearer(admin))
    assert await access.UpdateApiKey(request, metadata=bearer(admin)) == first
    repeated = await access.UpdateApiKey(
        UpdateApiKeyRequest(key_id=key.key_id), metadata=bearer(admin)
    )
    assert repeated == second


async def test_old_answers_are_forgotten(database_url: str, redis_url: str) -> None:
    await check_old_answers_are_forgotten(
        open_service, schema="access", database_url=database_url, redis_url=redis_url
    )
