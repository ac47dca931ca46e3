"""API keys over real gRPC and PostgreSQL: made, listed, used, revoked."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from libs.errors import DependencyUnavailable
from libs.identity.authenticator import CredentialInvalid
from libs.paging import listing_of, page_token_to_proto
from services.access.store.api_keys import Store
from tests.integration.access.calls import UNKNOWN_KEY, bearer, create
from tests.integration.access.running import Running, tenant_admin
from tests.support.refusals import refusal
from tidings.access.v1.access_service_pb2 import (
    ApiKey,
    CreateApiKeyRequest,
    ListApiKeysRequest,
    RevokeApiKeyRequest,
    UpdateApiKeyRequest,
)
from tidings.common.v1.authorization_pb2 import (
    SCOPE_ADMIN,
    SCOPE_KEYS_MANAGE,
    SCOPE_NOTIFICATIONS_SEND,
    SCOPE_TEMPLATES_READ,
)
from tidings.internal.access.v1.credential_service_pb2 import LookUpApiKeyRequest
from tidings.internal.access.v1.credential_service_pb2_grpc import CredentialServiceStub

if TYPE_CHECKING:
    from tidings.access.v1.access_service_pb2_grpc import AccessServiceAsyncStub


async def test_a_created_key_authenticates_with_its_scopes(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    created = await create(access, admin, SCOPE_TEMPLATES_READ, SCOPE_NOTIFICATIONS_SEND)
    caller = await running.fresh_authenticator.authenticate(created.secret)
    assert caller.tenant_id == "acme"
    assert caller.subject == created.api_key.key_id
    assert caller.scopes == {SCOPE_TEMPLATES_READ, SCOPE_NOTIFICATIONS_SEND}
    assert caller.recipient_id is None
    assert caller.expire_time is None


async def test_a_secret_is_shown_once_and_stored_as_a_hash(
    access: AccessServiceAsyncStub, admin: str, database_url: str
) -> None:
    created = await create(access, admin, SCOPE_TEMPLATES_READ)
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT api_keys::text AS row, secret_hash FROM access.api_keys")
    await connection.close()
    assert hashlib.sha256(created.secret.encode()).digest() in {row["secret_hash"] for row in rows}
    assert not [row for row in rows if created.secret in row["row"]]
    assert created.api_key.prefix
    assert created.secret.startswith(created.api_key.prefix + "_")


async def test_a_key_cannot_grant_what_its_creator_lacks(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    manager = (await create(access, admin, SCOPE_KEYS_MANAGE, SCOPE_TEMPLATES_READ)).secret
    assert (await create(access, manager, SCOPE_TEMPLATES_READ)).secret
    refused = await refusal(create(access, manager, SCOPE_TEMPLATES_READ, SCOPE_NOTIFICATIONS_SEND))
    assert refused.code is grpc.StatusCode.PERMISSION_DENIED
    assert refused.reason == "SCOPE_MISSING"
    assert refused.metadata == {"scope": "notifications:send"}
    refused = await refusal(create(access, manager, SCOPE_ADMIN))
    assert refused.metadata == {"scope": "admin"}


async def test_a_key_without_the_scope_manages_no_keys(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    sender = (await create(access, admin, SCOPE_NOTIFICATIONS_SEND)).secret
    refused = await refusal(access.ListApiKeys(ListApiKeysRequest(), metadata=bearer(sender)))
    assert refused.reason == "SCOPE_MISSING"
    assert refused.metadata == {"scope": "keys:manage"}


async def test_an_expiring_key_says_when(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    before = datetime.now(UTC)
    created = await create(access, admin, SCOPE_TEMPLATES_READ, ttl=3600)
    expire_time = created.api_key.expire_time.ToDatetime(UTC)
    assert timedelta(0) <= expire_time - before - timedelta(hours=1) < timedelta(seconds=30)
    caller = await running.fresh_authenticator.authenticate(created.secret)
    assert caller.expire_time == expire_time


async def test_an_expired_key_is_refused_as_expired(
    access: AccessServiceAsyncStub, admin: str, database_url: str
) -> None:
    created = await create(access, admin, SCOPE_KEYS_MANAGE, ttl=3600)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "UPDATE access.api_keys SET expire_time = '2026-01-02T03:04:05Z' WHERE key_id = $1",
        UUID(created.api_key.key_id),
    )
    await connection.close()
    refused = await refusal(
        access.ListApiKeys(ListApiKeysRequest(), metadata=bearer(created.secret))
    )
    assert refused.code is grpc.StatusCode.UNAUTHENTICATED
    assert refused.reason == "CREDENTIAL_EXPIRED"
    assert "2026-01-02T03:04:05" in refused.metadata["expire_time"]


@pytest.mark.parametrize("seconds", [315_576_000_000, 2**62, -(2**62), 0])
async def test_a_lifetime_beyond_the_calendar_is_an_invalid_field(
    access: AccessServiceAsyncStub, admin: str, seconds: int
) -> None:
    request = CreateApiKeyRequest(
        display_name="backend", scopes=[SCOPE_TEMPLATES_READ], ttl=Duration(seconds=seconds)
    )
    refused = await refusal(access.CreateApiKey(request, metadata=bearer(admin)))
    assert (refused.reason, set(refused.violations)) == ("INVALID_FIELD", {"ttl"})


async def test_a_revoked_key_is_unknown_and_stays_revoked_since_the_first_time(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    created = await create(access, admin, SCOPE_TEMPLATES_READ)
    request = RevokeApiKeyRequest(key_id=created.api_key.key_id)
    first = await access.RevokeApiKey(request, metadata=bearer(admin))
    assert first.api_key.HasField("revoke_time")
    assert await access.RevokeApiKey(request, metadata=bearer(admin)) == first
    with pytest.raises(CredentialInvalid):
        await running.fresh_authenticator.authenticate(created.secret)


async def test_a_key_of_another_tenant_cannot_be_revoked(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    created = await create(access, admin, SCOPE_TEMPLATES_READ)
    stranger = await tenant_admin(running, "revoking-stranger")
    for key_id in (created.api_key.key_id, UNKNOWN_KEY):
        refused = await refusal(
            access.RevokeApiKey(RevokeApiKeyRequest(key_id=key_id), metadata=bearer(stranger))
        )
        assert refused.code is grpc.StatusCode.NOT_FOUND
        assert refused.reason == "API_KEY_NOT_FOUND"
        assert refused.metadata == {"key_id": key_id}
    caller = await running.fresh_authenticator.authenticate(created.secret)
    assert caller.subject == created.api_key.key_id


async def test_pages_show_every_key_of_the_tenant_once_newest_first(
    running: Running, access: AccessServiceAsyncStub
) -> None:
    lister = await tenant_admin(running, "paging")
    made = [await create(access, lister, SCOPE_TEMPLATES_READ) for _ in range(4)]
    seen: list[ApiKey] = []
    token = ""
    for expected in (2, 2, 1):
        page = await access.ListApiKeys(
            ListApiKeysRequest(page_size=2, page_token=token), metadata=bearer(lister)
        )
        assert len(page.api_keys) == expected
        seen += page.api_keys
        token = page.next_page_token
    assert token == ""
    assert len({key.key_id for key in seen}) == 5
    times = [key.create_time.ToDatetime() for key in seen]
    assert times == sorted(times, reverse=True)
    assert {key.key_id for key in seen} > {answer.api_key.key_id for answer in made}


async def test_revoked_and_expired_keys_are_left_out_when_only_active_ones_are_wanted(
    running: Running, access: AccessServiceAsyncStub
) -> None:
    lister = await tenant_admin(running, "active")
    revoked, expired, valid, lasting = [
        (await create(access, lister, SCOPE_TEMPLATES_READ, ttl=ttl)).api_key
        for ttl in (3600, 3600, 0, 3600)
    ]
    await access.RevokeApiKey(RevokeApiKeyRequest(key_id=revoked.key_id), metadata=bearer(lister))
    past = UpdateApiKeyRequest(key_id=expired.key_id, expire_time=Timestamp(seconds=1))
    await access.UpdateApiKey(past, metadata=bearer(lister))
    seen: list[str] = []
    request = ListApiKeysRequest(page_size=1, active_only=True)
    while not seen or request.page_token:
        page = await access.ListApiKeys(request, metadata=bearer(lister))
        seen += [key.key_id for key in page.api_keys]
        request.page_token = page.next_page_token
    assert seen[:-1] == [lasting.key_id, valid.key_id]
    everything = await access.ListApiKeys(ListApiKeysRequest(), metadata=bearer(lister))
    assert len(everything.api_keys) == len(seen) + 2


async def test_a_page_token_is_for_who_got_it(
    running: Running, access: AccessServiceAsyncStub
) -> None:
    lister = await tenant_admin(running, "token-owner")
    await create(access, lister, SCOPE_TEMPLATES_READ)
    request = ListApiKeysRequest(page_size=1)
    page = await access.ListApiKeys(request, metadata=bearer(lister))
    stranger = await tenant_admin(running, "token-stranger")
    forged = page_token_to_proto(listing_of(ListApiKeysRequest()), "token-owner", "no-uuid")
    for secret, token in (
        (stranger, page.next_page_token),
        (lister, "bm9uc2Vuc2U"),
        (lister, "ä"),
        (lister, forged),
    ):
        request = ListApiKeysRequest(page_token=token)
        refused = await refusal(access.ListApiKeys(request, metadata=bearer(secret)))
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
        assert (refused.reason, set(refused.violations)) == ("PAGE_TOKEN_INVALID", {"page_token"})
    request = ListApiKeysRequest(page_token=page.next_page_token, active_only=True)
    refused = await refusal(access.ListApiKeys(request, metadata=bearer(lister)))
    assert refused.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("secret_hash", [b"", bytes(32), bytes(33)])
async def test_an_unknown_hash_is_not_known(running: Running, secret_hash: bytes) -> None:
    credentials = CredentialServiceStub(running.internal)
    answer = await credentials.LookUpApiKey(LookUpApiKeyRequest(secret_hash=secret_hash))
    assert not answer.known
    assert not answer.tenant_id


async def test_a_database_that_is_away_is_said_to_be(database_url: str) -> None:
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    await pool.close()
    with pytest.raises(DependencyUnavailable):
        await Store(pool).find_unrevoked_api_key(bytes(32))
