"""Every public RPC there is, from the descriptors of the generated stubs."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

import tidings.common.v1.authorization_pb2 as authorization_pb2
from libs.rpc.rules import max_request_bytes, rule_of
from tidings.common.v1.authorization_pb2 import Scope

_DEFAULT_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Rpc:
    """A method with what its contract says of it."""

    method: MethodDescriptor

    @property
    def name(self) -> str:
        """`IngestionService.SendNotification`."""
        return f"{self.method.containing_service.name}.{self.method.name}"

    @property
    def path(self) -> str:
        """What HTTP/2 carries."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def request_class(self) -> type[Message]:
        """The request's type."""
        return message_factory.GetMessageClass(self.method.input_type)

    @property
    def response_class(self) -> type[Message]:
        """The answer's type."""
        return message_factory.GetMessageClass(self.method.output_type)

    @property
    def scope(self) -> Scope.ValueType:
        """What a key must hold; unspecified for methods that need none."""
        return rule_of(self.method).scope

    @property
    def limit(self) -> int:
        """Largest request, in bytes."""
        return max_request_bytes(self.method) or _DEFAULT_LIMIT

    @property
    def has_request_id(self) -> bool:
        """Whether a repeat can be recognised."""
        field = self.method.input_type.fields_by_name.get("request_id")
        # In a oneof it names a send instead of this call.
        return field is not None and field.containing_oneof is None


def public_rpcs() -> list[Rpc]:
    """Returns all, by path."""
    stubs = Path(authorization_pb2.__file__).parents[2]
    found = []
    for path in sorted(stubs.glob("*/v1/*_service_pb2.py")):
        module = importlib.import_module(f"tidings.{path.parts[-3]}.v1.{path.stem}")
        for service in module.DESCRIPTOR.services_by_name.values():
            found += [Rpc(method) for method in service.methods]
    return sorted(found, key=lambda rpc: rpc.path)
