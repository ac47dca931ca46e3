"""What the supervisor must know about a part to keep it running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A process to run for a part."""

    argv: tuple[str, ...]
    #: Signals that stop it, gentlest first, each with the seconds after which it is sent.
    stops: tuple[tuple[float, int], ...]
    #: What the kernel sends it when the supervisor dies; nothing can escalate after that.
    orphaned: int
    #: Called when it ended well. None marks the server itself, which is not meant to end.
    finish: Callable[[], None] | None = None


class Part(Protocol):
    """A server with a folder and a port of its own; called by its `Keeper` only."""

    name: str
    folder: Path
    port: int

    def next_command(self) -> Command:
        """Say what to run now; asked again after each end of a process. Raises OSError."""

    def is_up(self, pid: int) -> bool:
        """Say whether the server with this pid answers clients."""
