"""Reads what a refused call carries, as a client would."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Status and details of a refused call."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: dict[str, str]
    violations: dict[str, str]


async def refusal(call: Awaitable[object]) -> Refusal:
    """Awaits a call that must be refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    status = rpc_status.from_call(caught.value)  # type: ignore[arg-type]  # has what is read of a call
    assert status is not None
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        _unpack(detail, info, bad_request)
    assert info.domain == "tidings.dev"
    return Refusal(
        code=caught.value.code(),
        message=status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations={v.field: v.description for v in bad_request.field_violations},
    )


def _unpack(
    detail: AnyMessage,
    info: error_details_pb2.ErrorInfo,
    bad_request: error_details_pb2.BadRequest,
) -> None:
    # Each unpacks only what is of its type.
    detail.Unpack(info)
    detail.Unpack(bad_request)
