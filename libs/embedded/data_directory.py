"""The private directory of one server: who owns its locks knows that no older process is left."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from libs.embedded.errors import (
    DataDirectoryInUseError,
    DataDirectoryUnusableError,
    PartsStillRunningError,
)

DEFAULT_PATH = Path(".tidings")
#: Longer than the supervisor may take to stop every part (see `libs.embedded.keeper`).
PARTS_STOP_WITHIN = 15.0
#: A process killed a moment ago frees its memory before its locks.
_SERVER_DIES_WITHIN = 1.0
_POLL_EVERY = 0.02
_SERVER_LOCK = "server.lock"
_PARTS_LOCK = "parts.lock"
#: A file system of its own may bring this along; everything else means the directory is foreign.
_HARMLESS = {"lost+found"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDirectory:
    """An owned data directory; valid inside `open_data_directory` only.

    Two locks tell the truth by the kernel's word, where a recorded pid could be reused or a
    zombie: the server's own says whether a server lives, and the parts' lock, inherited by the
    supervisor and every part, is free only when the last of them is gone. A process that the
    server forks without exec keeps both, so it too must end before the next server starts.
    """

    path: Path
    #: Descriptor of the parts' lock, to be inherited by whatever must be dead before the next open.
    parts_lock: int

    def folder(self, name: str) -> Path:
        """Give the private folder `name` inside, made when absent."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


@asynccontextmanager
async def open_data_directory(
    path: Path = DEFAULT_PATH, *, parts_stop_within: float = PARTS_STOP_WITHIN
) -> AsyncIterator[DataDirectory]:
    """Own the directory until left; a server killed a moment ago is waited for, a live one refused.

    Raises DataDirectoryInUseError, PartsStillRunningError or DataDirectoryUnusableError.
    """
    server_lock, parts_lock = _open_locks(path)
    try:
        if not await _lock_within(server_lock, path, _SERVER_DIES_WITHIN):
            raise DataDirectoryInUseError(path, _recorded_pid(server_lock))
        _record_pid(server_lock, os.getpid())
        if not await _lock_within(parts_lock, path, parts_stop_within):
            raise PartsStillRunningError(path, parts_stop_within)
        yield DataDirectory(path=path.absolute(), parts_lock=parts_lock)
        _record_pid(server_lock, None)
    finally:
        os.close(parts_lock)
        os.close(server_lock)


def _open_locks(path: Path) -> tuple[int, int]:
    try:
        _make_private(path)
        server_lock = _open_lock(path / _SERVER_LOCK)
        try:
            return server_lock, _open_lock(path / _PARTS_LOCK)
        except OSError:
            os.close(server_lock)
            raise
    except OSError as error:
        raise DataDirectoryUnusableError(path, error.strerror or str(error)) from error


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _make_private(path: Path) -> None:
    if not path.exists():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    if not path.is_dir():
        raise DataDirectoryUnusableError(path, "it is not a directory")
    names = {entry.name for entry in path.iterdir()} - _HARMLESS
    # Somebody's full directory (a home, /tmp) must never be closed to its owner by a wrong option.
    if names and _SERVER_LOCK not in names:
        raise DataDirectoryUnusableError(path, "it holds files that are not Tidings'")
    if path.stat().st_uid == os.geteuid():
        path.chmod(0o700)


def _try_lock(lock: int, path: Path) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise DataDirectoryUnusableError(path, f"no file locks here ({error.strerror})") from error
    return True


async def _lock_within(lock: int, path: Path, within: float) -> bool:
    deadline = time.monotonic() + within
    while not _try_lock(lock, path):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_EVERY)
    return True


def _record_pid(lock: int, pid: int | None) -> None:
    os.ftruncate(lock, 0)
    if pid is not None:
        os.pwrite(lock, f"{pid}\n".encode(), 0)


def _recorded_pid(lock: int) -> int | None:
    text = os.pread(lock, 32, 0).strip()
    return int(text) if text.isdigit() else None
