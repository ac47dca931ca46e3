"""Update masks: which fields of a resource a call changes."""

from __future__ import annotations

from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from libs.errors import FieldViolation
from libs.rpc.validation import InvalidFields

_ALL = "*"


def masked(mask: FieldMask, resource: Message, *, changeable: Collection[str]) -> frozenset[str]:
    """Returns the fields to change: those of the mask, or without one those of `changeable` that are set.

    `*` stands for all. Raises InvalidFields for any other path.
    """
    if not mask.paths:
        present = {field.name for field, _ in resource.ListFields()}
        return frozenset(changeable) & present
    unknown = [path for path in mask.paths if path != _ALL and path not in changeable]
    if unknown:
        allowed = ", ".join(f"`{path}`" for path in (*sorted(changeable), _ALL))
        raise InvalidFields(
            [
                FieldViolation(
                    "update_mask", f"`{path[:64]}` cannot be changed; choose from {allowed}"
                )
                for path in unknown[:5]
            ]
        )
    return frozenset(changeable) if _ALL in mask.paths else frozenset(mask.paths)


def merge(target: Message, source: Message, fields: Collection[str]) -> None:
    """Gives the fields of `target` what they are in `source`; what is not set there is cleared."""
    wanted = type(source)()
    wanted.CopyFrom(source)
    for field in source.DESCRIPTOR.fields:
        if field.name in fields:
            target.ClearField(field.name)
        else:
            wanted.ClearField(field.name)
    target.MergeFrom(wanted)
