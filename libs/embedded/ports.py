"""Free ports on 127.0.0.1 that stay the same from start to start when they can."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from libs.embedded.private_files import write_private

HOST = "127.0.0.1"
#: Below the ephemeral ranges of Linux and macOS, so that no outgoing connection of anybody takes
#: the port while its part is being restarted.
_RANGE = range(15_000, 32_000)
_TRIES = 200


def remembered_port(file: Path) -> int | None:
    """Give the port that `file` remembers, if any."""
    try:
        return int(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def remember_port(file: Path, port: int) -> None:
    """Keep `port` in `file` for the next start."""
    if remembered_port(file) != port:
        write_private(file, f"{port}\n")


def choose_port(preferred: int | None = None) -> int:
    """Give `preferred` if it is free, else a random free port.

    Another process may still take it before it is bound: who uses it must be ready to choose again.
    """
    if preferred is not None and _is_free(preferred):
        return preferred
    for _ in range(_TRIES):
        port = random.choice(_RANGE)
        if _is_free(port):
            return port
    raise OSError(f"no free port between {_RANGE.start} and {_RANGE.stop} on {HOST}")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections lingering from the last run are no listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True
