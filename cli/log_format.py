"""Whether logs are JSON. Imports nothing that takes time: it is asked before the first line is printed."""

from __future__ import annotations

import os


def logs_are_json() -> bool:
    """Says whether `TIDINGS_LOG_FORMAT` asks for it; a value that means nothing is told by who reads it."""
    return os.environ.get("TIDINGS_LOG_FORMAT", "").lower() == "json"
