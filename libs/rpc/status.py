"""Errors on the wire: one table from cause to gRPC status, and the rich details of google.rpc."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from libs.errors import Cause, FieldViolation, QuotaViolation, TidingsError

DOMAIN = "tidings.dev"
_MAX_VIOLATIONS = 15
# Trailers over 8 KiB are refused by common proxies.
_MAX_TEXT = 1000
_MAX_WORDS = 200

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

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def status_of(error: BaseException, request_id: str) -> status_pb2.Status:
    """Returns an error as callers see it: in full if it is ours to tell, else INTERNAL and nothing
    of it but a request id to quote."""
    if isinstance(error, TidingsError):
        details: list[Message] = [
            error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
        ]
        if error.violations:
            details.append(_bad_request(error.violations))
        if error.quota is not None:
            details.append(_quota_failure(error.quota))
        if error.retry_after is not None:
            details.append(_retry_info(error.retry_after))
        return _status(STATUS_OF_CAUSE[error.cause], error.message, details, request_id)
    details = [error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN)]
    message = f"internal error; quote request id {request_id}"
    return _status(grpc.StatusCode.INTERNAL, message, details, request_id)


async def abort_with(
    context: grpc.aio.ServicerContext[Message, Message], error: Exception, request_id: str
) -> NoReturn:
    """Ends the call with the error's status and details."""
    status = status_of(error, request_id)
    await context.abort(
        _CODES[status.code],
        status.message,
        (("grpc-status-details-bin", status.SerializeToString()),),
    )


def _status(
    code: grpc.StatusCode, message: str, details: list[Message], request_id: str
) -> status_pb2.Status:
    number: int = code.value[0]
    status = status_pb2.Status(code=number, message=message[:_MAX_TEXT])
    for detail in [*details, error_details_pb2.RequestInfo(request_id=request_id)]:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _bad_request(violations: tuple[FieldViolation, ...]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.field[:_MAX_WORDS],
                description=violation.description[:_MAX_WORDS],
            )
            for violation in violations[:_MAX_VIOLATIONS]
        ]
    )


def _quota_failure(quota: QuotaViolation) -> error_details_pb2.QuotaFailure:
    return error_details_pb2.QuotaFailure(
        violations=[
            error_details_pb2.QuotaFailure.Violation(
                subject=quota.subject[:_MAX_WORDS], description=quota.description[:_MAX_WORDS]
            )
        ]
    )


def _retry_info(delay: timedelta) -> error_details_pb2.RetryInfo:
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromTimedelta(delay)
    return info
