"""Whom a server binary runs as: PostgreSQL refuses root, so root steps down for it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_NOBODY = 65534


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How to start a process, and who must own the files it writes."""

    #: Put before the program and its arguments.
    prefix: tuple[str, ...] = ()
    #: User and group to become; None stays what we are.
    user: tuple[int, int] | None = None

    def spawn(
        self,
        argv: tuple[str, ...],
        folder: Path,
        output: int,
        lock: int,
        prepare: Callable[[], None],
    ) -> subprocess.Popen[bytes]:
        """Start `argv` in `folder`, in its own session, holding `lock` for as long as it lives."""
        uid, gid = self.user or (None, None)
        return subprocess.Popen(
            [*self.prefix, *argv],
            cwd=folder,
            # Nothing of the server's environment (addresses, keys) concerns a part.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(lock,),
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
            preexec_fn=prepare,  # noqa: PLW1509 - the supervisor has one thread
        )

    def take(self, folder: Path) -> None:
        """Make `folder` and all in it belong to this identity; only root can and needs to."""
        if os.geteuid() != 0:
            return
        uid, gid = self.user or (0, 0)
        if self.user is not None:
            # Our own directory, whose files are private each; never one of its parents.
            folder.parent.chmod(0o711)
        if folder.stat().st_uid == uid:
            return
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, uid, gid, follow_symlinks=False)


def unprivileged() -> Identity:
    """Give an identity that is not root.

    Root prefers a user namespace of its own, which needs no other user's access to the directory
    or to the binaries; where that is forbidden (many containers) it becomes `nobody`.
    """
    if os.geteuid() != 0:
        return Identity()
    prefix = _namespace_prefix()
    if prefix is not None:
        return Identity(prefix=prefix)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Identity(user=(_NOBODY, _NOBODY))
    return Identity(user=(entry.pw_uid, entry.pw_gid))


def _namespace_prefix() -> tuple[str, ...] | None:
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    prefix = (unshare, "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--")
    probe = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if probe.returncode == 0 else None
