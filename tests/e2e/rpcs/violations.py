"""Requests that break one documented rule each, made from a good request and its contract's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from buf.validate import validate_pb2
from libs.rpc.validation import InvalidFields, validate

# One of them breaks whichever rule a field has.
_TEXTS = ("", "\x00", "no way!", "x" * 700_000)
_NUMBERS = (-1, 2**31 - 1)
_ENUM_VALUES = (0, 9_999)
_SPANS = (Duration(seconds=-1), Duration(seconds=0, nanos=1), Duration(seconds=10**9))
_TOO_MANY = 1_001

Broken = tuple[str, Message]
"""The path that must be complained about, and the request."""


def broken_requests(good: Message) -> Iterator[Broken]:
    """Yields requests, each with a rule broken that the good one keeps."""
    validate(good)
    for path, change in _changes(good.DESCRIPTOR, (), good):
        request = type(good)()
        request.CopyFrom(good)
        change(request)
        if path in _complaints(request):
            yield path, request


def ruled_paths(good: Message) -> set[str]:
    """Returns the paths of all fields that have rules, to see that none went untested."""
    return {path for path, _ in _changes(good.DESCRIPTOR, (), good)}


def _complaints(request: Message) -> set[str]:
    try:
        validate(request)
    except InvalidFields as error:
        return {violation.field for violation in error.violations}
    return set()


Change = Callable[[Message], None]
Step = tuple[str, int | None]


# Any: what a path leads to is a message or one of its containers.
def _follow(message: Any, steps: tuple[Step, ...]) -> Any:
    for name, index in steps:
        message = getattr(message, name)
        if index is not None:
            if not len(message):
                message.add()
            message = message[index]
    return message


# Any: the descriptors of two runtimes, which have no type in common.
def _changes(
    descriptor: Any, steps: tuple[Step, ...], good: Message
) -> Iterator[tuple[str, Change]]:
    prefix = "".join(f"{name}{'' if index is None else f'[{index}]'}." for name, index in steps)
    for oneof in descriptor.oneofs:
        if oneof.GetOptions().Extensions[validate_pb2.oneof].required:
            yield f"{prefix}{oneof.name}", _clearing(steps, oneof.name)
    for field in descriptor.fields:
        rules = field.GetOptions().Extensions[validate_pb2.field]
        if rules.ignore == validate_pb2.IGNORE_ALWAYS:
            continue
        path = f"{prefix}{field.name}"
        if rules.required:
            yield path, _clearing(steps, field.name)
        if rules.WhichOneof("type"):
            yield from _value_changes(field, rules, steps, path)
        # Entries of a batch are judged one by one, each in its own result.
        judged_alone = rules.repeated.items.ignore == validate_pb2.IGNORE_ALWAYS
        if _is_ours(field) and not judged_alone:
            index = 0 if field.is_repeated else None
            if steps or _is_set(good, field):
                yield from _changes(field.message_type, (*steps, (field.name, index)), good)


def _is_ours(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return (
        kind is not None
        and not kind.GetOptions().map_entry
        and kind.full_name.startswith("tidings.")
    )


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    return any(known.name == field.name for known, _ in message.ListFields())


def _clearing(steps: tuple[Step, ...], name: str) -> Change:
    def change(request: Message) -> None:
        _follow(request, steps).ClearField(
            name if name in request.DESCRIPTOR.fields_by_name or steps else _set_case(request, name)
        )

    return change


def _set_case(request: Message, oneof: str) -> str:
    case: str | None = request.WhichOneof(oneof)
    assert case is not None
    return case


def _value_changes(
    field: FieldDescriptor, rules: Any, steps: tuple[Step, ...], path: str
) -> Iterator[tuple[str, Change]]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for number in (1, _TOO_MANY):
            yield path, _mapping(steps, field.name, number, "k", "v")
        yield f'{path}["no way!"]', _mapping(steps, field.name, 1, "no way!", "v")
        yield f'{path}["k"]', _mapping(steps, field.name, 1, "k", "x" * 1_000)
    elif field.is_repeated:
        yield path, _listing(steps, field, 0)
        yield path, _listing(steps, field, _TOO_MANY)
        yield path, _listing(steps, field, 2)
        for value in _candidates(field):
            yield f"{path}[0]", _listing(steps, field, 1, value)
    else:
        for value in _candidates(field):
            yield path, _setting(steps, field.name, value)


def _candidates(field: FieldDescriptor) -> tuple[Any, ...]:
    if field.message_type is not None:
        return _SPANS if field.message_type.full_name == Duration.DESCRIPTOR.full_name else ()
    if field.enum_type is not None:
        return _ENUM_VALUES
    return _TEXTS if field.type == FieldDescriptor.TYPE_STRING else _NUMBERS


def _setting(steps: tuple[Step, ...], name: str, value: Any) -> Change:
    def change(request: Message) -> None:
        holder = _follow(request, steps)
        if isinstance(value, Duration | Timestamp):
            getattr(holder, name).CopyFrom(value)
        else:
            setattr(holder, name, value)

    return change


def _listing(
    steps: tuple[Step, ...], field: FieldDescriptor, count: int, value: Any = None
) -> Change:
    """Puts so many equal elements there: the value, or what is there already."""

    def change(request: Message) -> None:
        holder = getattr(_follow(request, steps), field.name)
        old = list(holder[:1])
        del holder[:]
        if field.message_type is not None:
            for _ in range(count):
                holder.add().CopyFrom(old[0]) if old else holder.add()
        else:
            default = old[0] if old else _candidates(field)[0]
            holder.extend([default if value is None else value] * count)

    return change


def _mapping(steps: tuple[Step, ...], name: str, count: int, key: str, value: str) -> Change:
    def change(request: Message) -> None:
        entries = getattr(_follow(request, steps), name)
        entries.clear()
        for number in range(count):
            entries[key if number == 0 else f"{key}{number}"] = value

    return change
