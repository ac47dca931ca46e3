"""Recipient tokens: issued over gRPC, verified as every service does, and by a stranger's library."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import grpc
import jwt
import pytest
from google.protobuf.duration_pb2 import Duration

from libs.identity.authenticator import CredentialExpired, CredentialInvalid
from libs.postgres.pool import open_pool
from services.access.store.signing_keys import SigningKeys
from services.access.usecases.issue_recipient_token import IssueRecipientToken
from tests.integration.access.running import Running
from tests.integration.hosting import CLUSTER_SECRETS
from tests.support.refusals import refusal
from tidings.access.v1.access_service_pb2 import (
    CreateApiKeyRequest,
    GetJsonWebKeySetRequest,
    IssueRecipientTokenRequest,
    ListApiKeysRequest,
)
from tidings.common.v1.authorization_pb2 import (
    SCOPE_INBOX_READ,
    SCOPE_INBOX_WRITE,
    SCOPE_KEYS_MANAGE,
    SCOPE_TOKENS_ISSUE,
)
from tidings.internal.access.v1.credential_service_pb2 import GetVerificationKeysRequest
from tidings.internal.access.v1.credential_service_pb2_grpc import CredentialServiceStub

if TYPE_CHECKING:
    from tidings.access.v1.access_service_pb2_grpc import AccessServiceAsyncStub


def bearer(credential: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {credential}"),)


async def issue(
    access: AccessServiceAsyncStub, secret: str, *, ttl: int = 0
) -> tuple[str, datetime]:
    request = IssueRecipientTokenRequest(
        recipient_id="alice", ttl=Duration(seconds=ttl) if ttl else None
    )
    answer = await access.IssueRecipientToken(request, metadata=bearer(secret))
    return answer.token, answer.expire_time.ToDatetime(UTC)


@pytest.mark.parametrize("ttl", [0, 10, 86_400])
async def test_a_token_makes_a_caller_for_its_lifetime(
    running: Running, access: AccessServiceAsyncStub, admin: str, ttl: int
) -> None:
    before = datetime.now(UTC)
    token, expire_time = await issue(access, admin, ttl=ttl)
    caller = await running.fresh_authenticator.authenticate(token)
    assert (caller.tenant_id, caller.recipient_id) == ("acme", "alice")
    assert caller.scopes == {SCOPE_INBOX_READ, SCOPE_INBOX_WRITE}
    assert caller.expire_time == expire_time
    # Whole seconds, so up to one less than asked for; the rest is the time that the call took.
    late = expire_time - before - timedelta(seconds=ttl or 3600)
    assert timedelta(seconds=-1) <= late < timedelta(seconds=30)


async def test_the_published_keys_verify_a_token(
    access: AccessServiceAsyncStub, admin: str, running: Running
) -> None:
    token, expire_time = await issue(access, admin)
    # Anonymous: no credential goes with this call.
    published = (await access.GetJsonWebKeySet(GetJsonWebKeySetRequest())).json_web_key_set
    keys = jwt.PyJWKSet.from_json(published)
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(
        token, keys[header["kid"]], algorithms=["ES256"], audience="tidings.inbox", issuer="tidings"
    )
    assert (header["alg"], claims["sub"], claims["tenant"]) == ("ES256", "alice", "acme")
    assert claims["exp"] == int(expire_time.timestamp())
    assert claims["iat"] <= datetime.now(UTC).timestamp()
    other, _ = await issue(access, admin)
    assert jwt.decode(other, options={"verify_signature": False})["jti"] != claims["jti"]
    assert not [key for key in json.loads(published)["keys"] if "d" in key]
    credentials = CredentialServiceStub(running.internal)
    internal = await credentials.GetVerificationKeys(GetVerificationKeysRequest())
    assert internal.json_web_key_set == published


class ClockAhead:
    """A clock that is not ours, and goes before it."""

    def __init__(self, seconds: int) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


async def test_a_token_is_good_at_once_where_clocks_differ_a_little(
    running: Running, database_url: str
) -> None:
    async with open_pool(database_url, application="test") as pool:
        (key,) = await SigningKeys(pool, secrets=CLUSTER_SECRETS).list()
    issued = IssueRecipientToken(key, ClockAhead(30))("acme", "alice", None)
    caller = await running.fresh_authenticator.authenticate(issued.token)
    assert caller.recipient_id == "alice"
    # One from the future was not issued by a clock that anybody keeps.
    issued = IssueRecipientToken(key, ClockAhead(300))("acme", "alice", None)
    with pytest.raises(CredentialInvalid):
        await running.fresh_authenticator.authenticate(issued.token)


@pytest.mark.parametrize("late", [-1, -30])
async def test_the_difference_does_not_lengthen_a_token(
    running: Running, database_url: str, late: int
) -> None:
    async with open_pool(database_url, application="test") as pool:
        (key,) = await SigningKeys(pool, secrets=CLUSTER_SECRETS).list()
    lifetime = timedelta(seconds=10)
    issued = IssueRecipientToken(key, ClockAhead(late - 10))("acme", "alice", lifetime)
    with pytest.raises(CredentialExpired):
        await running.fresh_authenticator.authenticate(issued.token)


async def test_a_tampered_token_is_refused(
    running: Running, access: AccessServiceAsyncStub, admin: str
) -> None:
    token, _ = await issue(access, admin)
    header, _, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False}) | {"sub": "mallory"}
    forged_claims = jwt.encode(claims, "x" * 32, algorithm="HS256").split(".")[1]
    with pytest.raises(CredentialInvalid):
        await running.fresh_authenticator.authenticate(f"{header}.{forged_claims}.{signature}")


async def test_a_token_issues_and_manages_nothing(
    access: AccessServiceAsyncStub, admin: str
) -> None:
    token, _ = await issue(access, admin)
    refused = await refusal(issue(access, token))
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING")
    refused = await refusal(access.ListApiKeys(ListApiKeysRequest(), metadata=bearer(token)))
    assert refused.metadata == {"scope": "keys:manage"}


async def test_issuing_needs_its_own_scope(access: AccessServiceAsyncStub, admin: str) -> None:
    async def key_for(scope: int) -> str:
        request = CreateApiKeyRequest(display_name="backend", scopes=[scope])  # type: ignore[list-item]
        return (await access.CreateApiKey(request, metadata=bearer(admin))).secret

    assert await issue(access, await key_for(SCOPE_TOKENS_ISSUE))
    refused = await refusal(issue(access, await key_for(SCOPE_KEYS_MANAGE)))
    assert refused.metadata == {"scope": "tokens:issue"}
