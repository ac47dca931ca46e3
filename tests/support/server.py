"""A server in a process of its own, to be killed: `python -m tests.support.server DIR PUBLIC INTERNAL`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import grpc

from cli.hosting import run_loop
from cli.serve import ServeOptions, serve_until_signal

_READY_SECONDS = 30


class ServerProcess:
    """Starts, kills and starts again a server at fixed addresses."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self.directory = directory
        self.public_address, self.internal_address = _free_addresses(2)
        self._environ = {**os.environ, **environ}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def cluster_secret(self) -> str:
        """The secret that the server was given, or else drew for itself."""
        given = self._environ.get("TIDINGS_CLUSTER_SECRET", "")
        return given or (self.directory / "cluster.secret").read_text()

    @property
    def cpu_seconds(self) -> float:
        """What the process has computed so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def start(self) -> None:
        """Returns when the server answers."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.server",
            str(self.directory),
            self.public_address,
            self.internal_address,
            env=self._environ,
        )
        async with asyncio.timeout(_READY_SECONDS):
            async with grpc.aio.insecure_channel(self.public_address) as channel:
                await channel.channel_ready()

    async def died(self) -> None:
        """Returns when it has killed itself, at the moment that TIDINGS_FAILPOINT names."""
        assert self._process is not None
        async with asyncio.timeout(_READY_SECONDS):
            await self._process.wait()

    def forget(self, variable: str) -> None:
        """Starts from now on without a setting."""
        del self._environ[variable]

    async def kill(self) -> None:
        """Kill -9, and wait for the process to be gone; its parts may still be ending."""
        await self._signal(signal.SIGKILL)

    async def stop(self) -> int:
        """Asks it to end and returns its exit status."""
        return await self._signal(signal.SIGTERM)

    async def _signal(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()


def _free_addresses(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{opened.getsockname()[1]}" for opened in sockets]
    for opened in sockets:
        opened.close()
    return addresses


async def _serve(options: ServeOptions) -> int:
    await serve_until_signal(options)
    return 0


if __name__ == "__main__":
    sys.exit(
        run_loop(
            _serve(
                ServeOptions(
                    data_directory=Path(sys.argv[1]),
                    listen=sys.argv[2],
                    internal_listen=sys.argv[3],
                )
            )
        )
    )
