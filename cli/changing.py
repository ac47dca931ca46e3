"""What commands that change something share: conditions, repeats, and which fields are meant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated

import typer
from google.protobuf.field_mask_pb2 import FieldMask

EtagOption = Annotated[
    str,
    typer.Option(metavar="ETAG", show_default="any state", help="Only if this is its etag still."),
]
RequestIdOption = Annotated[
    str,
    typer.Option(
        metavar="ID",
        show_default=False,
        help="For a day, the same command with the same id changes nothing.",
    ),
]


def mask_of(given: Mapping[str, object], cleared: Collection[str], *, options: str) -> FieldMask:
    """Returns the fields to change: those that were given and those to clear.

    Raises a usage error when there are none, or one is both; `options` says what could be given.
    """
    fields = [name for name, value in given.items() if value not in (None, [])]
    both = sorted(set(fields) & set(cleared))
    if both:
        raise typer.BadParameter(f"{both[0]} cannot be given and cleared at once")
    if not fields and not cleared:
        raise typer.BadParameter(f"nothing to change; give one of {options}")
    return FieldMask(paths=sorted({*fields, *cleared}))


def parse_choice(names: Collection[str]) -> Callable[[str], str]:
    """Returns a parser of one of the names, which takes hyphens for underscores."""

    def parse(text: str) -> str:
        name = text.lower().replace("-", "_")
        if name not in names:
            raise typer.BadParameter(f"{text!r} is no field; choose from {', '.join(names)}")
        return name

    return parse
