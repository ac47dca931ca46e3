"""Errors on the wire: one table from cause to gRPC status, and the rich details of google.rpc."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from libs.errors import Cause, FieldViolation, TidingsError

DOMAIN = "tidings.dev"
_MAX_VIOLATIONS = 20
# Trailers over 8 KiB are refused by common proxies, so a message cannot grow without bound.
_MAX_TEXT = 1000

STATUS_OF_CAUSE: dict[Cause, grpc.StatusCode] = {
    Cause.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    Cause.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Cause.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Cause.ABORTED: grpc.StatusCode.ABORTED,
    Cause.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Cause.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Cause.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Cause.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Cause.UNIMPLEMENTED: grpc.StatusCode.UNIMPLEMENTED,
}


async def abort_with(
    context: grpc.aio.ServicerContext[Message, Message], error: TidingsError, request_id: str
) -> NoReturn:
    """Ends the call with the error's status and details."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    ]
    if error.violations:
        details.append(_bad_request(error.violations))
    if error.retry_after is not None:
        details.append(_retry_info(error.retry_after))
    await _abort(context, STATUS_OF_CAUSE[error.cause], error.message, details, request_id)


async def abort_internal(
    context: grpc.aio.ServicerContext[Message, Message], request_id: str
) -> NoReturn:
    """Ends the call with INTERNAL and nothing of the exception but a request id to quote."""
    details: list[Message] = [error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN)]
    message = f"internal error; quote request id {request_id}"
    await _abort(context, grpc.StatusCode.INTERNAL, message, details, request_id)


async def _abort(
    context: grpc.aio.ServicerContext[Message, Message],
    code: grpc.StatusCode,
    message: str,
    details: list[Message],
    request_id: str,
) -> NoReturn:
    details.append(error_details_pb2.RequestInfo(request_id=request_id))
    number: int = code.value[0]
    status = status_pb2.Status(code=number, message=message[:_MAX_TEXT])
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    await context.abort(
        code,
        message[:_MAX_TEXT],
        (("grpc-status-details-bin", status.SerializeToString()),),
    )


def _bad_request(violations: tuple[FieldViolation, ...]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.field, description=violation.description[:_MAX_TEXT]
            )
            for violation in violations[:_MAX_VIOLATIONS]
        ]
    )


def _retry_info(delay: timedelta) -> error_details_pb2.RetryInfo:
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromTimedelta(delay)
    return info
