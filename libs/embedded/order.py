"""What a server tells its supervisor to run: one line of JSON on its standard input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOrder:
    """One part to run."""

    #: PostgreSQL: the folder with its programs; Valkey: the program.
    binaries: str
    #: The port that clients know already; None lets the supervisor choose.
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """All that a supervisor needs to know."""

    #: The data directory, absolute.
    directory: str
    #: The inherited descriptor that every part must hold.
    lock: int
    #: By name of the part.
    parts: dict[str, PartOrder]

    def to_line(self) -> bytes:
        """Write the order as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Order:
        """Read what `to_line` wrote."""
        fields = json.loads(line)
        parts = {name: PartOrder(**part) for name, part in fields.pop("parts").items()}
        return cls(parts=parts, **fields)
