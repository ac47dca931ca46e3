"""A server that answers any method with what the test says, for commands run in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from libs.rpc.rules import find_method


@dataclass(frozen=True)
class Refusal:
    """An error as Tidings says it; without a reason, as a proxy would."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    violations: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None

    def trailers(self) -> tuple[tuple[str, bytes], ...]:
        details: list[Message] = []
        if self.reason:
            details.append(
                error_details_pb2.ErrorInfo(
                    reason=self.reason, domain="tidings.dev", metadata=self.metadata
                )
            )
            details.append(error_details_pb2.RequestInfo(request_id="request"))
        if self.violations:
            bad_request = error_details_pb2.BadRequest()
            for name, description in self.violations.items():
                bad_request.field_violations.add(field=name, description=description)
            details.append(bad_request)
        if self.retry_after is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromTimedelta(timedelta(seconds=self.retry_after))
            details.append(retry)
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in details:
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        return (("grpc-status-details-bin", status.SerializeToString()),)


Answer = Message | Refusal | Callable[[Any], Message]


class FakeServer(grpc.GenericRpcHandler):
    """Answers per method name; a list is used up one by one, its last entry stays."""

    def __init__(self) -> None:
        self.address = ""
        self.answers: dict[str, list[Answer]] = {}
        self.frames: list[Message] = []
        """What a stream gives before it falls silent."""
        self.requests: list[Any] = []
        self.credentials: list[str | None] = []

    def on(self, method: str, *answers: Answer) -> None:
        self.answers[method] = list(answers)

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = find_method(handler_call_details.method)
        parse = message_factory.GetMessageClass(method.input_type).FromString
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream, parse, lambda message: message.SerializeToString()
            )
        answers = self.answers[method.name]

        def answer(request: Any, context: Any) -> Message:
            self._note(request, context)
            given = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(given, Message):
                return given
            if isinstance(given, Refusal):
                context.set_trailing_metadata(given.trailers())
                context.abort(given.code, given.message)
                raise AssertionError("abort has raised")
            return given(request)

        return grpc.unary_unary_rpc_method_handler(
            answer, parse, lambda message: message.SerializeToString()
        )

    def _stream(self, request: Any, context: Any) -> Iterator[Message]:
        self._note(request, context)
        gone = threading.Event()
        context.add_callback(gone.set)
        yield from self.frames
        gone.wait()

    def _note(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        self.credentials.append(dict(context.invocation_metadata()).get("authorization"))


@contextmanager
def serving() -> Iterator[FakeServer]:
    fake = FakeServer()
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((fake,))
    fake.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield fake
    finally:
        server.stop(None).wait()
