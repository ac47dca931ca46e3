"""Reads the rich details of google.rpc that a gRPC error carries in its trailers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from libs.errors import FieldViolation

_TRAILER = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDetails:
    """What an error says beyond its code and sentence."""

    reason: str = ""
    """A `tidings.common.v1.ErrorReason` without its prefix; empty when Tidings did not say it."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[FieldViolation, ...] = ()
    retry_after: float | None = None
    """Seconds to wait at least before trying again."""
    request_id: str = ""


def read_details(error: grpc.aio.AioRpcError) -> StatusDetails:
    """Returns the details; empty ones when the error has none or they cannot be read."""
    for key, value in error.trailing_metadata() or ():
        if key == _TRAILER and isinstance(value, bytes):
            return _parse(value)
    return StatusDetails()


def details_of(status: status_pb2.Status) -> StatusDetails:
    """Returns the details of an error that came in an answer; empty ones when it has none."""
    try:
        return _collect(list(status.details))
    except DecodeError:
        return StatusDetails()


def _parse(trailer: bytes) -> StatusDetails:
    try:
        return details_of(status_pb2.Status.FromString(trailer))
    except DecodeError:
        return StatusDetails()


def _collect(packed: list[AnyMessage]) -> StatusDetails:
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    request = error_details_pb2.RequestInfo()
    retry_after = None
    for detail in packed:
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta().total_seconds()
            continue
        for message in (info, bad_request, request):
            detail.Unpack(message)
    return StatusDetails(
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=tuple(
            FieldViolation(violation.field, violation.description)
            for violation in bad_request.field_violations
        ),
        retry_after=retry_after,
        request_id=request.request_id,
    )
