"""What every call runs through: credential, decoding, validation, deadline cap, error translation."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, NoReturn, Protocol
from uuid import uuid4

import grpc
from google.protobuf.message import DecodeError, Message

from libs.cluster_secret import ClusterSecrets, derive
from libs.errors import Cause, TidingsError
from libs.identity.authenticator import CACHE_SECONDS, Authenticator, CredentialMissing
from libs.identity.caller import current_caller, set_caller
from libs.rpc import rules
from libs.rpc.readmission import readmitted
from libs.rpc.status import abort_with
from libs.rpc.validation import validate
from libs.telemetry import metrics, names
from libs.telemetry.calls import ServerCall

_log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 1 << 20
"""Largest request of a public method. The transport takes more, so that the refusal can be typed."""
_MAX_UNARY_SECONDS = 30.0
_READMISSION_SECONDS = CACHE_SECONDS
_BEARER = "bearer "
CLUSTER_CREDENTIAL = "x-tidings-cluster-credential"
"""The metadata key under which services show `cluster_credential`."""

Context = grpc.aio.ServicerContext[Any, Any]


class MalformedRequest(TidingsError):
    """The bytes are not the method's message."""

    cause = Cause.INVALID_ARGUMENT
    reason = "MALFORMED_REQUEST"

    def __init__(self, message_name: str) -> None:
        super().__init__(
            f"the request is not a valid {message_name}; generate the client from our protos",
            metadata={"message": message_name},
        )


class RequestTooLarge(TidingsError):
    """The request is larger than the method accepts."""

    cause = Cause.RESOURCE_EXHAUSTED
    reason = "REQUEST_TOO_LARGE"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the request has {size} bytes; at most {limit} are accepted",
            metadata={"size": str(size), "limit": str(limit)},
        )


class MethodNotFound(TidingsError):
    """The server has no such method."""

    cause = Cause.UNIMPLEMENTED
    reason = "METHOD_NOT_FOUND"

    def __init__(self, method: str) -> None:
        super().__init__(f"there is no method {method} here", metadata={"method": method})


class ClusterCredentialInvalid(TidingsError):
    """A call to the internal listener without the cluster's secret."""

    cause = Cause.UNAUTHENTICATED
    reason = "CLUSTER_CREDENTIAL_INVALID"

    def __init__(self) -> None:
        super().__init__("internal methods need the cluster credential")


class Gatekeeper(Protocol):
    """Admits or refuses a call before its request is looked at."""

    serves_users: bool
    """Whether a call without trace context may be chosen to be traced; other services bring theirs."""

    async def admit(self, method: str, metadata: dict[str, str]) -> None:
        """Returns to admit; raises a TidingsError to refuse."""


class PublicGate:
    """Admits callers whose credential holds the method's scope, and declares them."""

    serves_users = True

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def admit(self, method: str, metadata: dict[str, str]) -> None:
        """See `Gatekeeper.admit`."""
        rule = rules.rule_of(rules.find_method(method))
        if rule.anonymous:
            return
        credential = metadata.get("authorization", "")
        if not credential.lower().startswith(_BEARER):
            raise CredentialMissing
        caller = await self._authenticator.authenticate(credential[len(_BEARER) :].strip())
        rules.check(rule, caller)
        set_caller(caller)


def cluster_credential(secret: str) -> str:
    """Returns what proves the cluster secret. Who overhears it can call, but open nothing that is sealed."""
    return derive(secret, "cluster credential").hex()


class ClusterGate:
    """Admits the cluster's own processes."""

    serves_users = False

    def __init__(self, secrets: ClusterSecrets) -> None:
        self._credentials = [cluster_credential(secret).encode() for secret in secrets.accepted]

    async def admit(self, method: str, metadata: dict[str, str]) -> None:
        """See `Gatekeeper.admit`."""
        given = metadata.get(CLUSTER_CREDENTIAL, "").encode()
        # All are compared, so that the time tells nothing.
        if not sum(hmac.compare_digest(given, one) for one in self._credentials):
            raise ClusterCredentialInvalid


class Pipeline(grpc.aio.ServerInterceptor):
    """The one interceptor of our servers; health and reflection pass by it."""

    def __init__(self, gate: Gatekeeper, *, max_request_bytes: int = MAX_REQUEST_BYTES) -> None:
        self._gate = gate
        self._max_request_bytes = max_request_bytes

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the method's handler; see `grpc.aio.ServerInterceptor`."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if not method.startswith("/tidings."):
            return handler
        if handler is None:
            return _not_found(method)
        parse = handler.request_deserializer
        if parse is None:
            return handler
        limit = rules.max_request_bytes(rules.find_method(method)) or self._max_request_bytes
        decode = _decoder(parse, limit)
        call = _Call(self._gate, method)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _streaming(call, handler.unary_stream), decode, handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            _unary(call, handler.unary_unary), decode, handler.response_serializer
        )


class _Call:
    """The steps around one method's handler."""

    def __init__(self, gate: Gatekeeper, method: str) -> None:
        self._gate = gate
        self._method = method

    async def enter(self, request: Message | TidingsError, context: Context) -> Message:
        metadata = _texts(context)
        await self._gate.admit(self._method, metadata)
        if isinstance(request, TidingsError):
            raise request
        validate(request)
        return request

    def staying(self, context: Context) -> AbstractAsyncContextManager[None]:
        """Ends a stream whose caller is no longer admitted. Only keys can be revoked, and tokens say
        when they expire: whoever streams by one looks to that."""
        if current_caller().recipient_id is not None:
            return nullcontext()
        metadata = _texts(context)
        return readmitted(
            lambda: self._gate.admit(self._method, metadata), every=_READMISSION_SECONDS
        )

    def answering(self, context: Context) -> ServerCall:
        return ServerCall(self._method, context, choose=self._gate.serves_users)

    async def fail(self, error: Exception, context: Context) -> NoReturn:
        request_id = str(uuid4())
        if not isinstance(error, TidingsError):
            fields = {"method": self._method, "request_id": request_id}
            _log.error("call_failed", exc_info=error, extra=fields)
        await abort_with(context, error, request_id)


def _texts(context: Context) -> dict[str, str]:
    return {
        key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
    }


def _unary(call: _Call, behavior: Any) -> Any:
    async def handle(request: Message | TidingsError, context: Context) -> Message:
        with call.answering(context):
            try:
                async with asyncio.timeout(_MAX_UNARY_SECONDS):
                    response: Message = await behavior(await call.enter(request, context), context)
                    return response
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the rim of the call; logged in fail
                await call.fail(error, context)

    return handle


def _streaming(call: _Call, behavior: Any) -> Any:
    async def handle(request: Message | TidingsError, context: Context) -> AsyncIterator[Message]:
        with call.answering(context):
            try:
                entered = await call.enter(request, context)
                async with call.staying(context):
                    async for response in behavior(entered, context):
                        yield response
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the rim of the call; logged in fail
                await call.fail(error, context)

    return handle


def _decoder(
    parse: Callable[[bytes], Message], limit: int
) -> Callable[[bytes], Message | TidingsError]:
    """Wraps a parser so that what it refuses reaches the handler, which can answer in full."""
    owner = getattr(parse, "__self__", None)
    name = owner.DESCRIPTOR.full_name if owner is not None else "message"

    def decode(data: bytes) -> Message | TidingsError:
        if len(data) > limit:
            return RequestTooLarge(len(data), limit)
        try:
            return parse(data)
        except DecodeError:
            return MalformedRequest(name)

    return decode


def _not_found(method: str) -> grpc.RpcMethodHandler[Any, Any]:
    async def handle(_request: bytes, context: Context) -> NoReturn:
        metrics.call_answered(names.OTHER_METHOD, grpc.StatusCode.UNIMPLEMENTED.name, 0.0, None)
        await abort_with(context, MethodNotFound(method), str(uuid4()))

    return grpc.unary_unary_rpc_method_handler(handle)
