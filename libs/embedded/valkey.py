"""Valkey as a part: hints and counters in memory, for this machine and this password only.

Standard library only: this runs inside the supervisor.
"""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from libs.embedded.part import Command
from libs.embedded.ports import HOST
from libs.embedded.private_files import CREDENTIAL_FILE, write_private

_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
# It carries hints and counters, all of which can be lost.
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
tcp-backlog 128
"""


class Valkey:
    """The embedded Valkey."""

    name = "valkey"

    def __init__(self, folder: Path, program: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._program = program

    def next_command(self) -> Command:
        """Serve; the password goes by a private file, as arguments are there for all to read."""
        configuration = self.folder / "valkey.conf"
        text = _CONFIGURATION.format(host=HOST, port=self.port, password=self._password())
        write_private(configuration, text)
        return Command(
            argv=(str(self._program), str(configuration)),
            stops=((0.0, signal.SIGTERM), (2.0, signal.SIGKILL)),
            orphaned=signal.SIGKILL,
        )

    def is_up(self, pid: int) -> bool:
        """Log in and ping: a stranger who took the port would not know the password."""
        question = f"AUTH {self._password()}\r\nPING\r\n".encode()
        try:
            with socket.create_connection((HOST, self.port), timeout=0.25) as connection:
                connection.sendall(question)
                answer = connection.makefile("rb")
                return answer.readline() == b"+OK\r\n" and answer.readline() == b"+PONG\r\n"
        except OSError:
            return False

    def _password(self) -> str:
        return (self.folder / CREDENTIAL_FILE).read_text(encoding="utf-8").strip()
