"""PostgreSQL as a part: a cluster made whole or not at all, and a server for this machine only.

Standard library only: this runs inside the supervisor.
"""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

from libs.embedded.part import Command
from libs.embedded.ports import HOST
from libs.embedded.private_files import CREDENTIAL_FILE, sync_folder

USER = "tidings"
DATABASE = "tidings"

_SETTINGS = {
    "listen_addresses": HOST,
    # A socket path is limited to 107 bytes, data directories are not.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # An answer of OK promises that the notification is on disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A new WAL file is extended as it is written. Filled with zeros beforehand, it kept one commit in a few
    # hundred waiting for some 50 ms; a disk that is full then fails the write instead of the making.
    "wal_init_zero": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Parallel queries allocate in /dev/shm, which is 64 MB in a container.
    "max_parallel_workers_per_gather": "0",
    # The server's own story, no statement and no row: those hold addresses and messages.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


class Postgres:
    """The embedded PostgreSQL."""

    name = "postgres"

    def __init__(self, folder: Path, binaries: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._binaries = binaries
        self._cluster = folder / "cluster"

    def next_command(self) -> Command:
        """Make the cluster first if there is none, then serve it."""
        if (self._cluster / "PG_VERSION").exists():
            return self._serve()
        return self._initialise()

    def is_up(self, pid: int) -> bool:
        """Read what the postmaster says of itself: its pid in line 1, its status in line 8."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def _serve(self) -> Command:
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        postgres = str(self._binaries / "postgres")
        return Command(
            argv=(postgres, "-D", str(self._cluster), "-p", str(self.port), *settings),
            # Fast shutdown, then shutdown without checkpoint, then none.
            stops=((0.0, signal.SIGINT), (6.0, signal.SIGQUIT), (9.0, signal.SIGKILL)),
            orphaned=signal.SIGQUIT,
        )

    def _initialise(self) -> Command:
        # Killed in the middle, initdb leaves a directory that no later start accepts: so it works
        # under a name nobody looks for, and only a finished cluster gets the real one.
        for unfinished in self.folder.glob("initdb-*"):
            shutil.rmtree(unfinished)
        new = self.folder / f"initdb-{time.time_ns()}"

        def adopt() -> None:
            new.rename(self._cluster)
            sync_folder(self.folder)

        options = (
            *("-D", str(new), "-U", USER, "--pwfile", str(self.folder / CREDENTIAL_FILE)),
            *("--auth=scram-sha-256", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8"),
        )
        return Command(
            argv=(str(self._binaries / "initdb"), *options),
            stops=((0.0, signal.SIGKILL),),
            orphaned=signal.SIGKILL,
            finish=adopt,
        )
