"""API keys that are read and changed over real gRPC and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from libs.identity.authenticator import Authenticator, CredentialExpired, CredentialInvalid
from tests.integration.access.calls import UNKNOWN_KEY, bearer, create
from tests.integration.access.running import Running, tenant_admin
from tests.support.refusals import refusal
from tidings.access.v1.access_service_pb2 import (
    ApiKey,
    GetApiKeyRequest,
    RevokeApiKeyRequest,
    UpdateApiKeyRequest,
)
from tidings.common.v1.authorization_pb2 import (
    SCOPE_ADMIN,
    SCOPE_KEYS_MANAGE,
    SCOPE_NOTIFICATIONS_SEND,
    SCOPE_TEMPLATES_READ,
)
from tidings.internal.access.v1.credential_service_pb2 import (
    LookUpApiKeyRequest,
    LookUpApiKeyResponse,
)
from tidings.internal.access.v1.credential_service_pb2_grpc import CredentialServiceStub

if TYPE_CHECKING:
    from tidings.access.v1.access_service_pb2_grpc import AccessServiceAsyncStub


def moment(seconds: float) -> Timestamp:
    """Returns so many seconds from now."""
    timestamp = Timestamp()
    timestamp.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return timestamp


# Any: the fields of the request.
async def change(
    access: AccessServiceAsyncStub, secret: str, key: ApiKey, *paths: str, **fields: Any
) -> ApiKey:
    request = UpdateApiKeyRequest(key_id=key.key_id, update_mask=FieldMask(paths=paths), **fields)
    return (await access.UpdateApiKey(request, metadata=bearer(secret))).api_key


async def get(access: AccessServiceAsyncStub, secret: str, key_id: str) -> ApiKey:
    answer = await access.GetApiKey(GetApiKeyRequest(key_id=key_id), metadata=bearer(secret))
    return answer.api_key


async def test_a_key_is_read_without_its_secret(access: AccessServiceAsyncStub, admin: str) -> None:
    created = await create(access, admin, SCOPE_TEMPLATES_READ, ttl=60)
    assert await get(access, admin, created.api_key.key_id) == created.api_key
    assert created.api_key.etag


async def test_what_is_in_the_mask_is_changed(access: AccessServiceAsyncStub, admin: str) -> None:
    key = (await create(access, admin, SCOPE_TEMPLATES_READ, ttl=60)).api_key
    expected = ApiKey()
    expected.CopyFrom(key)
    later = moment(3600)
    changed = await change(
        access, admin, key, "display_name",
        display_name="new", scopes=[SCOPE_KEYS_MANAGE], expire_time=later, etag=key.etag,
    )  # fmt: skip
    assert changed.etag != key.etag
    expected.MergeFrom(ApiKey(display_name="new", etag=changed.etag))
    assert changed == expected
    changed = await change(access, admin, key, scopes=[SCOPE_NOTIFICATIONS_SEND, SCOPE_KEYS_MANAGE])
    assert list(changed.scopes) == [SCOPE_NOTIFICATIONS_SEND, SCOPE_KEYS_MANAGE]
    assert changed.display_name == "new"
    changed = await change(access, admin, key, "expire_time")
    assert not changed.HasField("expire_time")
    changed = await change(
        access,
        admin,
        key,
        "*",
        display_name="all",
        scopes=[SCOPE_TEMPLATES_READ],
        expire_time=later,
    )
    assert (changed.display_name, list(changed.scopes)) == ("all", [SCOPE_TEMPLATES_READ])
    assert changed.expire_time == later
    assert await get(access, admin, key.key_id) == changed


async def test_a_change_to_what_is_leaves_the_etag(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    key = (await create(access, admin, SCOPE_TEMPLATES_READ)).api_key
    for fields in ({}, {"display_name": "backend", "scopes": [SCOPE_TEMPLATES_READ]}):
        assert await change(access, admin, key, **fields) == key


async def test_an_old_etag_changes_nothing(access: AccessServiceAsyncStub, admin: str) -> None:
    key = (await create(access, admin, SCOPE_TEMPLATES_READ)).api_key
    results = await asyncio.gather(
        *(
            change(access, admin, key, display_name=f"by {writer}", etag=key.etag)
            for writer in range(5)
        ),
        return_exceptions=True,
    )
    (winner,) = [result for result in results if isinstance(result, ApiKey)]
    assert await get(access, admin, key.key_id) == winner
    refused = await refusal(change(access, admin, key, display_name="late", etag=key.etag))
    assert refused.code is grpc.StatusCode.ABORTED
    assert (refused.reason, refused.metadata) == ("ETAG_MISMATCH", {"etag": winner.etag})


async def test_revoking_makes_a_new_state_once(access: AccessServiceAsyncStub, admin: str) -> None:
    key = (await create(access, admin, SCOPE_TEMPLATES_READ)).api_key
    request = RevokeApiKeyRequest(key_id=key.key_id)
    first, second = [await access.RevokeApiKey(request, metadata=bearer(admin)) for _ in range(2)]
    assert first == second
    assert first.api_key.etag != key.etag


@pytest.mark.parametrize("path", ["prefix", "revoke_time", "api_key.scopes", "etag", ""])
async def test_an_unknown_path_is_told_with_the_known_ones(
    access: AccessServiceAsyncStub, admin: str, path: str
) -> None:
    refused = await refusal(change(access, admin, ApiKey(key_id=UNKNOWN_KEY), "scopes", path))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "INVALID_FIELD"
    assert refused.violations == {
        "update_mask": f"`{path}` cannot be changed; choose from `display_name`, `expire_time`, `scopes`, `*`"
    }


async def test_a_name_or_scopes_cannot_be_emptied(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    key = (await create(access, admin, SCOPE_TEMPLATES_READ)).api_key
    for path, fields in (
        ("display_name", {"display_name"}),
        ("scopes", {"scopes"}),
        ("*", {"display_name", "scopes"}),
    ):
        refused = await refusal(change(access, admin, key, path))
        assert (refused.reason, set(refused.violations)) == ("INVALID_FIELD", fields)
    assert await get(access, admin, key.key_id) == key


@pytest.mark.parametrize(
    "fields",
    [
        {"display_name": "x" * 101},
        {"display_name": "a\nb"},
        {"scopes": [SCOPE_TEMPLATES_READ, SCOPE_TEMPLATES_READ]},
        {"scopes": [0]},
        {"scopes": [999]},
        {"expire_time": Timestamp(seconds=1 << 60)},
        {"expire_time": Timestamp(seconds=-(1 << 60))},
        {"etag": "e" * 65},
        {"request_id": "a b"},
    ],
)
async def test_what_breaks_a_rule_is_an_invalid_field(
    access: AccessServiceAsyncStub, admin: str, fields: dict[str, Any]
) -> None:
    refused = await refusal(change(access, admin, ApiKey(key_id=UNKNOWN_KEY), **fields))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "INVALID_FIELD"
    assert {field.partition("[")[0] for field in refused.violations} == set(fields)


async def test_a_changer_grants_only_what_it_holds(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    manager = (await create(access, admin, SCOPE_KEYS_MANAGE, SCOPE_TEMPLATES_READ)).secret
    narrow = (await create(access, admin, SCOPE_TEMPLATES_READ)).api_key
    wide = (await create(access, admin, SCOPE_NOTIFICATIONS_SEND, ttl=3600)).api_key
    for key, fields, scope in (
        (
            narrow,
            {"scopes": [SCOPE_TEMPLATES_READ, SCOPE_NOTIFICATIONS_SEND]},
            "notifications:send",
        ),
        (narrow, {"scopes": [SCOPE_ADMIN]}, "admin"),
        # Its scopes stay, but for longer than who made it said.
        (wide, {"expire_time": moment(7200)}, "notifications:send"),
        (wide, {"update_mask": FieldMask(paths=["expire_time"])}, "notifications:send"),
    ):
        request = UpdateApiKeyRequest(key_id=key.key_id, **fields)
        refused = await refusal(access.UpdateApiKey(request, metadata=bearer(manager)))
        assert refused.code is grpc.StatusCode.PERMISSION_DENIED
        assert (refused.reason, refused.metadata) == ("SCOPE_MISSING", {"scope": scope})
        assert await get(access, admin, key.key_id) == key
    # To take away one needs nothing.
    changed = await change(access, manager, wide, display_name="mine", expire_time=moment(60))
    assert changed.display_name == "mine"
    changed = await change(access, manager, wide, scopes=[SCOPE_TEMPLATES_READ])
    assert list(changed.scopes) == [SCOPE_TEMPLATES_READ]


async def test_a_key_without_the_scope_reads_and_changes_no_keys(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    sender = await create(access, admin, SCOPE_NOTIFICATIONS_SEND)
    for call in (
        get(access, sender.secret, sender.api_key.key_id),
        change(access, sender.secret, sender.api_key, display_name="x"),
    ):
        refused = await refusal(call)
        assert (refused.reason, refused.metadata) == ("SCOPE_MISSING", {"scope": "keys:manage"})


async def test_a_key_of_another_tenant_is_not_there(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    key = (await create(access, admin, SCOPE_TEMPLATES_READ)).api_key
    stranger = await tenant_admin(running, "changing-stranger")
    for key_id in (key.key_id, UNKNOWN_KEY):
        for call in (
            get(access, stranger, key_id),
            change(access, stranger, ApiKey(key_id=key_id), display_name="x", etag="9"),
        ):
            refused = await refusal(call)
            assert refused.code is grpc.StatusCode.NOT_FOUND
            assert (refused.reason, refused.metadata) == ("API_KEY_NOT_FOUND", {"key_id": key_id})
    assert await get(access, admin, key.key_id) == key


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def test_authenticators_follow_a_change_within_thirty_seconds(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    clock = Hand()
    authenticator = Authenticator(CredentialServiceStub(running.internal), monotonic=clock)
    created = await create(access, admin, SCOPE_TEMPLATES_READ)
    assert (await authenticator.authenticate(created.secret)).scopes == {SCOPE_TEMPLATES_READ}
    await change(access, admin, created.api_key, scopes=[SCOPE_NOTIFICATIONS_SEND])
    clock.seconds += 29.9
    await authenticator.authenticate(created.secret)
    clock.seconds += 0.1
    caller = await authenticator.authenticate(created.secret)
    assert caller.scopes == {SCOPE_NOTIFICATIONS_SEND}

    past = Timestamp()
    past.FromDatetime(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    await change(access, admin, created.api_key, expire_time=past)
    clock.seconds += 30
    with pytest.raises(CredentialExpired):
        await authenticator.authenticate(created.secret)
    await change(access, admin, created.api_key, "expire_time")
    clock.seconds += 30
    assert (await authenticator.authenticate(created.secret)).expire_time is None


class SlowAccess:
    """Access, whose answers are ten seconds on their way."""

    def __init__(self, running: Running, clock: Hand) -> None:
        self._stub = CredentialServiceStub(running.internal)
        self._clock = clock

    async def LookUpApiKey(self, request: LookUpApiKeyRequest) -> LookUpApiKeyResponse:
        answer = await self._stub.LookUpApiKey(request)
        self._clock.seconds += 10
        return answer


async def test_thirty_seconds_are_counted_from_the_question(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    clock = Hand()
    authenticator = Authenticator(SlowAccess(running, clock), monotonic=clock)  # type: ignore[arg-type]
    created = await create(access, admin, SCOPE_TEMPLATES_READ)
    await authenticator.authenticate(created.secret)
    request = RevokeApiKeyRequest(key_id=created.api_key.key_id)
    await access.RevokeApiKey(request, metadata=bearer(admin))
    clock.seconds += 20
    with pytest.raises(CredentialInvalid):
        await authenticator.authenticate(created.secret)
