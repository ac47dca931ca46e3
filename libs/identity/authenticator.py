"""Checks the credentials of public calls against access, with answers kept for seconds."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import jwt

from libs.errors import Cause, DependencyUnavailable, TidingsError
from libs.identity.caller import Caller
from tidings.common.v1.authorization_pb2 import Scope
from tidings.internal.access.v1.credential_service_pb2 import (
    GetVerificationKeysRequest,
    LookUpApiKeyRequest,
    LookUpApiKeyResponse,
)

if TYPE_CHECKING:
    # The stubs have types of their own for asyncio, which exist for type checkers only.
    from tidings.internal.access.v1.credential_service_pb2_grpc import CredentialServiceAsyncStub

CACHE_SECONDS = 30.0
"""For how long a revoked key may still be believed."""
_MAX_CACHED = 10_000
_CLOCK_SKEW_SECONDS = 60
"""By how much the clock of who issued a token may be ahead of ours."""
Response = TypeVar("Response")
ISSUER = "tidings"
"""`iss` of recipient tokens."""
AUDIENCE = "tidings.inbox"
"""`aud` of recipient tokens."""


class CredentialMissing(TidingsError):
    """The call carries no credential."""

    cause = Cause.UNAUTHENTICATED
    reason = "CREDENTIAL_MISSING"

    def __init__(self) -> None:
        super().__init__("send an API key or a recipient token as `authorization: Bearer …`")


class CredentialInvalid(TidingsError):
    """The credential is unknown, revoked or forged."""

    cause = Cause.UNAUTHENTICATED
    reason = "CREDENTIAL_INVALID"

    def __init__(self) -> None:
        super().__init__("this key or token is unknown or revoked; create a new one")


class CredentialExpired(TidingsError):
    """The credential was valid once."""

    cause = Cause.UNAUTHENTICATED
    reason = "CREDENTIAL_EXPIRED"

    def __init__(self, expire_time: datetime) -> None:
        moment = expire_time.isoformat()
        super().__init__(
            f"this key or token expired at {moment}; get a fresh one",
            metadata={"expire_time": moment},
        )


class Authenticator:
    """Turns a bearer credential into a caller.

    Recipient tokens are verified here by access's public keys; API keys are looked up by
    the hash of their secret. While access is away, what is cached goes on being believed
    until it is `CACHE_SECONDS` old.
    """

    def __init__(
        self, stub: CredentialServiceAsyncStub, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._stub = stub
        self._monotonic = monotonic
        self._api_keys: dict[bytes, tuple[float, LookUpApiKeyResponse]] = {}
        self._key_set: dict[str, jwt.PyJWK] = {}
        self._key_set_time = -CACHE_SECONDS

    async def authenticate(self, credential: str) -> Caller:
        """Returns the caller; raises CredentialInvalid, CredentialExpired or DependencyUnavailable."""
        if credential.count(".") == 2:
            return await self._recipient_caller(credential)
        return await self._api_key_caller(credential)

    async def _api_key_caller(self, secret: str) -> Caller:
        digest = hashlib.sha256(secret.encode()).digest()
        answer = await self._look_up(digest)
        if not answer.known:
            raise CredentialInvalid
        expire_time = None
        if answer.HasField("expire_time"):
            expire_time = answer.expire_time.ToDatetime(UTC)
            if expire_time <= datetime.now(UTC):
                raise CredentialExpired(expire_time)
        return Caller(
            tenant_id=answer.tenant_id,
            subject=answer.key_id,
            scopes=frozenset(answer.scopes),
            expire_time=expire_time,
        )

    async def _look_up(self, digest: bytes) -> LookUpApiKeyResponse:
        cached = self._api_keys.get(digest)
        if cached and self._monotonic() - cached[0] < CACHE_SECONDS:
            return cached[1]
        # The answer may be as old as the question: access can take its time.
        asked = self._monotonic()
        answer = await _ask(self._stub.LookUpApiKey(LookUpApiKeyRequest(secret_hash=digest)))
        if len(self._api_keys) >= _MAX_CACHED:
            self._api_keys.clear()
        # An unknown key is not kept: it may be created the next moment.
        if answer.known:
            self._api_keys[digest] = (asked, answer)
        return answer

    async def _recipient_caller(self, token: str) -> Caller:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._verification_key(str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["ES256"],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=_CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "iss", "sub", "tenant"], "verify_exp": False},
            )
            expire_time = datetime.fromtimestamp(claims["exp"], UTC)
            caller = Caller(
                tenant_id=str(claims["tenant"]),
                subject=str(claims["sub"]),
                scopes=frozenset({Scope.SCOPE_INBOX_READ, Scope.SCOPE_INBOX_WRITE}),
                recipient_id=str(claims["sub"]),
                expire_time=expire_time,
            )
        except (jwt.PyJWTError, ValueError, OverflowError, TypeError):
            raise CredentialInvalid from None
        if expire_time <= datetime.now(UTC):
            raise CredentialExpired(expire_time)
        return caller

    async def _verification_key(self, key_id: str) -> jwt.PyJWK:
        age = self._monotonic() - self._key_set_time
        # A key that is not there yet is asked for, but a forger cannot make us ask all the time.
        if age >= CACHE_SECONDS or (key_id not in self._key_set and age >= 1):
            asked = self._monotonic()
            answer = await _ask(self._stub.GetVerificationKeys(GetVerificationKeysRequest()))
            document = json.loads(answer.json_web_key_set)
            self._key_set = {key["kid"]: jwt.PyJWK(key) for key in document["keys"]}
            self._key_set_time = asked
        if key_id not in self._key_set:
            raise CredentialInvalid
        return self._key_set[key_id]


async def _ask(call: Awaitable[Response]) -> Response:
    try:
        return await call
    except grpc.aio.AioRpcError:
        raise DependencyUnavailable("access") from None
