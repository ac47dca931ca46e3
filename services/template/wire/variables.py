"""Values of variables on the wire."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct, Value

# A Struct knows floating-point numbers only. Those without a fraction are meant as whole ones; where
# JavaScript begins to print an exponent, so do we.
_LARGEST_WHOLE = 1e21


def variables_from_proto(struct: Struct) -> dict[str, object]:
    """Reads variables as plain dicts, lists, texts, numbers, booleans and None."""
    fields = struct.fields
    found: dict[str, object] = {}
    # By key: iterating over items takes half as long again.
    for name in fields:
        value = fields[name]
        kind = value.WhichOneof("kind")
        found[name] = value.string_value if kind == "string_value" else _value(value, kind)
    return found


def variables_from_bytes(data: bytes) -> dict[str, object] | None:
    """Reads a serialized Struct; None when it is none."""
    try:
        return variables_from_proto(Struct.FromString(data))
    except DecodeError:
        return None


def _value(value: Value, kind: str | None) -> object:
    match kind:
        case "string_value":
            return value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return variables_from_proto(value.struct_value)
        case "list_value":
            return [_value(item, item.WhichOneof("kind")) for item in value.list_value.values]
        case _:
            return None


def _number(number: float) -> int | float:
    return int(number) if number.is_integer() and abs(number) < _LARGEST_WHOLE else number
