"""Named moments at which a test may have the process die. Inert unless `TIDINGS_FAILPOINT` is set.

`TIDINGS_FAILPOINT=dispatch.claimed:3` kills this process (SIGKILL) when the moment is reached for the
third time. The moments are named where they lie; `grep -rn failpoint services` lists them.
"""

from __future__ import annotations

import os
import signal

from libs.config.settings import Setting

FAILPOINT = Setting(
    variable="TIDINGS_FAILPOINT",
    effect="For tests: the named moment at which this process kills itself. Unset: never.",
    allowed="name:count",
    read=lambda environ: environ.text("TIDINGS_FAILPOINT", ""),
)

_name, _, _count = os.environ.get(FAILPOINT.variable, "").partition(":")
_hits_left = int(_count or 1)


def failpoint(name: str) -> None:
    """Dies here if this moment was chosen."""
    global _hits_left  # noqa: PLW0603 - a process has one death
    if name != _name:
        return
    _hits_left -= 1
    if _hits_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
