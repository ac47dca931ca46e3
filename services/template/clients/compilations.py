"""Keeps compiled sources, within bounds of memory."""

from __future__ import annotations

from collections import OrderedDict

from services.template.clients.compiled import Compiled, compile_source
from services.template.clients.sandbox import Sandbox
from services.template.clients.syntax import Syntax, read

MOST_BYTES = 128 << 20
Key = tuple[str, bool]


class Compilations:
    """Compiles, and keeps what was used last. For one thread."""

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

    def get(self, source: str, escaped: bool) -> Compiled:
        """Returns a source compiled, now or before; raises SourceRefused."""
        key = (source, escaped)
        compiled = self._kept.get(key)
        if compiled is None:
            compiled = self._kept[key] = self.compile(source, escaped)
            self._bytes += compiled.size
            while self._bytes > self._most_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.size
        else:
            self._kept.move_to_end(key)
        return compiled
