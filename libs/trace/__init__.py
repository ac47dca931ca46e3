"""W3C trace context: read a caller's `traceparent`, or begin one."""

from __future__ import annotations

import os
import re

_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


def continue_or_begin(traceparent: str | None) -> str:
    """Returns the caller's valid `traceparent`, else a new unsampled one."""
    if traceparent and _TRACEPARENT.match(traceparent):
        return traceparent
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00"


def trace_id(traceparent: str) -> str:
    """Returns the 32 hexadecimal digits of the trace id."""
    return traceparent[3:35]
