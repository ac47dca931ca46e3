"""Values: what is made once, by keyword, and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Makes a dataclass with slots, equal and hashed by its fields, which the type checker keeps as they are.

    A dataclass that is frozen where it runs takes three times as long to make (1.5 us for ten fields,
    against 0.5), and a notification on its way makes some twenty.
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)
