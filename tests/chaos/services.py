"""A service process of its own, which a run kills, stops for a while and starts again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import grpc

from libs.embedded.kernel import die_with_parent
from libs.embedded.ports import HOST
from tests.support.ports import free_port

_READY_SECONDS = 60


class ServiceProcess:
    """`tidings serve SERVICE...` at fixed addresses."""

    def __init__(self, name: str, services: Sequence[str], folder: Path) -> None:
        self.name = name
        self.services = tuple(services)
        self.public_address = f"{HOST}:{free_port()}"
        self.internal_address = f"{HOST}:{free_port()}"
        self.environ: dict[str, str] = {}
        self.mutant = ""
        self.incarnations: frozenset[str] = frozenset()
        """Ids under which it claims, as far as they are known."""
        self._folder = folder
        self._log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is a process, stopped or not."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *, failpoint: str = "") -> None:
        """Returns when it answers; with a failpoint it may be dead again by then."""
        environ: Mapping[str, str] = {
            **os.environ,
            **self.environ,
            **({"TIDINGS_FAILPOINT": failpoint} if failpoint else {}),
        }
        program = (
            [sys.executable, "-m", "tests.chaos.mutants", self.mutant]
            if self.mutant
            else [str(Path(sys.executable).with_name("tidings"))]
        )
        options = ["--data-dir", str(self._folder / self.name)]
        options += ["--listen", self.public_address, "--internal-listen", self.internal_address]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *program,
                "serve",
                *self.services,
                *options,
                env=environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, signal.SIGKILL, os.getpid()),
            )
        await self._until_ready()

    async def kill(self) -> None:
        """Kill -9; returns when it is gone."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Asks it to end; returns its exit status."""
        await self._end(signal.SIGTERM)
        assert self._process is not None
        assert self._process.returncode is not None
        return self._process.returncode

    def log(self) -> str:
        """Returns all that it has said."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def freeze(self) -> None:
        """Stops it in its tracks."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on, knowing nothing of the time that passed."""
        self._signal(signal.SIGCONT)

    def state(self) -> str:
        """Gives the kernel's letter for it: `T` when it is stopped."""
        assert self._process is not None
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0]

    async def died(self, *, within: float) -> bool:
        """Waits for it to die by its failpoint."""
        assert self._process is not None
        try:
            async with asyncio.timeout(within):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    async def _until_ready(self) -> None:
        assert self._process is not None
        # A channel of its own pool: a shared subchannel would remember how often it failed.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
        async with (
            asyncio.timeout(_READY_SECONDS),
            grpc.aio.insecure_channel(self.public_address, options=options) as channel,
        ):
            ready = asyncio.ensure_future(channel.channel_ready())
            ended = asyncio.ensure_future(self._process.wait())
            await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            ended.cancel()
            await asyncio.gather(ready, ended, return_exceptions=True)
        if self._process.returncode not in {None, -signal.SIGKILL}:
            raise RuntimeError(f"{self.name} does not start; see {self._log}")

    async def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            # A frozen process hears nothing but SIGKILL.
            self._process.send_signal(signal.SIGCONT)
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
