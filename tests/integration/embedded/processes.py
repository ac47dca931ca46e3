"""Looking at real processes."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path


def is_gone(pid: int) -> bool:
    """Whether the process ended; one that only waits to be buried did."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] in {"Z", "X"}


def with_descendants(pid: int) -> set[int]:
    """Give the process and all below it."""
    family = {pid}
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in thread.read_text(encoding="ascii").split():
            family |= with_descendants(int(child))
    return family


def arguments(pid: int) -> str:
    """Give the command line, which everybody on the machine can read."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def environment(**extra: str) -> dict[str, str]:
    """Give the environment of a child that imports what we import and writes nothing into it."""
    path = os.pathsep.join([str(Path(__file__).parents[3]), sysconfig.get_path("platlib")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **extra}
