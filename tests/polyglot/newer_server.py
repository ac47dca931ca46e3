"""Answers of a server newer than any client: fields, enum values and cases that no contract of ours has.

`python -m tests.polyglot.newer_server` writes them to fixtures/, in binary and in JSON.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message

from tidings.inbox.v1 import inbox_stream_service_pb2
from tidings.ingestion.v1 import ingestion_service_pb2

FIXTURES = Path(__file__).parent / "fixtures"

_NUMBER = 9001
_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_OPTIONAL = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL


def _with_imports(*roots: FileDescriptor) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """Returns files in the order of their imports."""
    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: FileDescriptor) -> None:
        for imported in file.dependencies:
            add(imported)
        if file.name not in found:
            found[file.name] = descriptor_pb2.FileDescriptorProto()
            file.CopyToProto(found[file.name])

    for root in roots:
        add(root)
    return found


def _grow(files: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    """Gives every message of ours a field, every enum a value, every oneof a case."""
    for file in files.values():
        if not file.package.startswith("tidings."):
            continue
        for enum in file.enum_type:
            prefix = enum.value[0].name.removesuffix("UNSPECIFIED")
            enum.value.add(name=f"{prefix}FROM_THE_FUTURE", number=_NUMBER)
        for message in file.message_type:
            if message.options.map_entry:
                continue
            message.field.add(name="from_the_future", number=_NUMBER, type=_STRING, label=_OPTIONAL)
            for index, oneof in enumerate(message.oneof_decl):
                message.field.add(
                    name=f"{oneof.name}_from_the_future",
                    number=_NUMBER + 1 + index,
                    type=_STRING,
                    label=_OPTIONAL,
                    oneof_index=index,
                )


class NewerContracts:
    """Message classes of the future."""

    def __init__(self) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        files = _with_imports(ingestion_service_pb2.DESCRIPTOR, inbox_stream_service_pb2.DESCRIPTOR)
        _grow(files)
        for file in files.values():
            self._pool.Add(file)

    def parse(self, name: str, text: str) -> Message:
        """Returns the message that a JSON text describes."""
        descriptor = self._pool.FindMessageTypeByName(name)
        message: Message = message_factory.GetMessageClass(descriptor)()
        json_format.Parse(text, message, descriptor_pool=self._pool)
        return message


ANSWERS = {
    "notification": (
        "tidings.ingestion.v1.GetNotificationResponse",
        """{"fromTheFuture": "x", "notification": {"fromTheFuture": "y", "notificationId": "n1",
        "state": "NOTIFICATION_STATE_FROM_THE_FUTURE", "channels": ["CHANNEL_EMAIL", "CHANNEL_FROM_THE_FUTURE"],
        "metadata": {"a": "b"}, "timelineComplete": true,
        "deliveries": [{"deliveryId": "d1", "state": "DELIVERY_STATE_FROM_THE_FUTURE", "fromTheFuture": "z",
        "attempts": [{"number": 1, "outcome": "ATTEMPT_OUTCOME_FROM_THE_FUTURE"}]}]}}""",
    ),
    "batch": (
        "tidings.ingestion.v1.SendNotificationsResponse",
        """{"results": [{"accepted": {"notificationId": "n1", "state": "NOTIFICATION_STATE_FROM_THE_FUTURE"}},
        {"resultFromTheFuture": "neither accepted nor refused"},
        {"error": {"code": 3, "message": "no"}}]}""",
    ),
    "changes": (
        "tidings.inbox.v1.SubscribeResponse",
        """{"cursor": "c1", "fromTheFuture": "x", "changes": {"changes": [
        {"type": "INBOX_CHANGE_TYPE_FROM_THE_FUTURE", "item": {"itemId": "n1", "sequence": "7", "title": "Hello",
        "fromTheFuture": "y"}}], "counts": {"unread": "1", "total": "1"}}}""",
    ),
    "frame": (
        "tidings.inbox.v1.SubscribeResponse",
        """{"cursor": "c2", "frameFromTheFuture": "confetti"}""",
    ),
}


def write_fixtures() -> None:
    """Writes every answer in both forms."""
    contracts = NewerContracts()
    FIXTURES.mkdir(exist_ok=True)
    for name, (message_name, text) in ANSWERS.items():
        message = contracts.parse(message_name, text)
        (FIXTURES / f"{name}.binpb").write_bytes(message.SerializeToString(deterministic=True))
        as_json = json_format.MessageToJson(message, indent=2)
        (FIXTURES / f"{name}.json").write_text(as_json + "\n")


if __name__ == "__main__":
    write_fixtures()
