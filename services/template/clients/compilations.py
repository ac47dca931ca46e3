"""Keeps compiled sources, within bounds of memory."""

from __future__ import annotations

from collections import OrderedDict

from services.template.clients.compiled import Compiled, compile_source
from services.template.clients.sandbox import Sandbox
from services.template.clients.syntax import Syntax, read

MOST_BYTES = 128 << 20
# Of the densest sources; in long ones the number of tokens is bounded.
_STEPS_PER_CHARACTER = 8
_MOST_STEPS = 500_000
Key = tuple[str, bool]


def compiling_steps(source: str) -> int:
    """Returns the steps that it may take to compile a source."""
    return min(_STEPS_PER_CHARACTER * len(source), _MOST_STEPS)


class Compilations:
    """Compiles, and keeps what was used last. Only `compile` is for any thread."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._sandboxes = {escaped: Sandbox(escaped=escaped) for escaped in (False, True)}
        self._most_bytes = most_bytes
        # By its text: versions never change theirs, and drafts need no forgetting.
        self._kept: OrderedDict[Key, Compiled] = OrderedDict()
        self._bytes = 0

    def compile(self, source: str, escaped: bool) -> Compiled:
        """Compiles a source anew; raises SourceRefused."""
        return compile_source(self._sandboxes[escaped], source)

    def read(self, source: str, escaped: bool) -> Syntax:
        """Returns what a source says; raises SourceRefused."""
        return read(self._sandboxes[escaped], source)

    def find(self, source: str, escaped: bool) -> Compiled | None:
        """Returns a source compiled before, if it is kept."""
        key = (source, escaped)
        compiled = self._kept.get(key)
        if compiled is not None:
            self._kept.move_to_end(key)
        return compiled

    def keep(self, source: str, escaped: bool, compiled: Compiled) -> None:
        """Keeps a compiled source, and drops for it what was not used for longest."""
        key = (source, escaped)
        # Two that needed it may have compiled it at once.
        before = self._kept.pop(key, None)
        self._kept[key] = compiled
        self._bytes += compiled.size - (before.size if before else 0)
        while self._bytes > self._most_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.size
