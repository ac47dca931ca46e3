"""Checks requests against the rules that their contracts carry."""

from __future__ import annotations

from typing import Any

import protovalidate
from google.protobuf.message import Message

from libs.errors import Cause, FieldViolation, TidingsError
from libs.rpc.patterns import in_words


class InvalidFields(TidingsError):
    """Fields break their documented rules."""

    cause = Cause.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self, violations: list[FieldViolation]) -> None:
        fields = ", ".join(violation.field for violation in violations)
        sentences = "; ".join(f"{v.field}: {v.description}" for v in violations)
        super().__init__(sentences, metadata={"fields": fields[:500]}, violations=violations)


def validate(request: Message) -> None:
    """Raises InvalidFields with one violation per broken rule."""
    violations = [
        FieldViolation(_field_path(violation.proto), in_words(violation.proto.message))
        for violation in protovalidate.collect_violations(request)
    ]
    if violations:
        raise InvalidFields(violations)


# Any: protovalidate's violations are messages of a runtime of its own.
def _field_path(violation: Any) -> str:
    """Returns a dotted path such as `template.variables` or `channels[2]`."""
    return ".".join(_element(element) for element in violation.field.elements)


def _element(element: Any) -> str:
    name: str = element.field_name
    if element.subscript is None:
        return name
    key = element.subscript.value
    return f'{name}["{key}"]' if isinstance(key, str) else f"{name}[{key}]"
