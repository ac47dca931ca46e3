"""Renders one source, as the tests of the sandbox do."""

from __future__ import annotations

from collections.abc import Mapping

from services.template.clients.budget import Budget
from services.template.clients.compiled import compile_source
from services.template.clients.sandbox import Sandbox

_SANDBOXES = {escaped: Sandbox(escaped=escaped) for escaped in (False, True)}
MAX_BYTES = 1 << 20


def render(
    source: str,
    variables: Mapping[str, object] | None = None,
    *,
    escaped: bool = False,
    max_bytes: int = MAX_BYTES,
) -> str:
    """Compiles and renders; raises SourceRefused or RenderingFailed."""
    compiled = compile_source(_SANDBOXES[escaped], source)
    return compiled.render(dict(variables or {}), Budget(), max_bytes=max_bytes)
