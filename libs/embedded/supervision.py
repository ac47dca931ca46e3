"""The server's end of the supervisor: starts it, listens to it, replaces it, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from libs.embedded.data_directory import DataDirectory
from libs.embedded.errors import PartFailedError
from libs.embedded.order import Order, PartOrder

_log = logging.getLogger(__name__)

#: Recovery after a crash replays at most a gigabyte (`max_wal_size`); a slow disk needs its time for that.
_UP_WITHIN = 90.0
#: A little more than the longest stop of a part.
_GONE_WITHIN = 12.0
_REPLACE_AFTER = 0.1
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPart:
    """A part that answers."""

    pid: int
    port: int


class Supervision:
    """A supervisor process, seen from the server. Open it by `open_supervision`."""

    def __init__(self, directory: DataDirectory, order: Order) -> None:
        self._directory = directory
        self._order = order
        self._log_file = directory.path / "supervisor.log"
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._first_up = {name: asyncio.get_running_loop().create_future() for name in order.parts}
        #: By name; the last state each part reported.
        self.running: dict[str, RunningPart] = {}

    @property
    def pid(self) -> int | None:
        """The supervisor's process."""
        return None if self._process is None else self._process.pid

    async def wait_up(self, running: asyncio.Task[None]) -> None:
        """Wait until every part answers, or `running` fails. Raises PartFailedError."""
        up = asyncio.gather(*self._first_up.values())
        either: list[asyncio.Future[Any]] = [up, running]
        await asyncio.wait(either, timeout=_UP_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if up.done():
            up.result()
            return
        up.cancel()
        late = [name for name, first in self._first_up.items() if name not in self.running]
        raise self._failure(late[0], f"it does not answer after {_UP_WITHIN:.0f} s")

    async def run(self) -> None:
        """Keep a supervisor running; returns when it ended after `stop`."""
        while not self._stopping:
            process = self._spawn()
            self._process = process
            await self._listen(process)
            await self._end(process)
            if not self._stopping:
                await self._replaced()

    def stop(self) -> None:
        """Ask the supervisor to stop all parts, by ending its input."""
        self._stopping = True
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """End a supervisor that hangs; the kernel ends its parts with it."""
        if self._process is not None:
            self._process.kill()

    def _spawn(self) -> subprocess.Popen[bytes]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        errors = os.open(self._log_file, flags, 0o600)
        try:
            process = subprocess.Popen(
                # Without site-packages: it starts faster and stays smaller.
                [sys.executable, "-S", "-P", "-m", "libs.embedded.supervisor"],
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                # A signal to the server's process group must not reach it.
                start_new_session=True,
                pass_fds=(self._order.lock,),
            )
        finally:
            os.close(errors)
        if process.stdin is not None:
            # One that died already shows by the end of its output.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(self._order.to_line())
        return process

    async def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Take reports until the supervisor ends, which alone holds the other end."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), process.stdout
        )
        try:
            async for line in reader:
                self._heard(json.loads(line))
        finally:
            transport.close()

    def _heard(self, report: dict[str, object]) -> None:
        name, event = str(report["part"]), report["event"]
        first_up = self._first_up[name]
        match event:
            case "up":
                part = RunningPart(pid=int(str(report["pid"])), port=int(str(report["port"])))
                self.running[name] = part
                self._pin(name, part.port)
                if not first_up.done():
                    first_up.set_result(None)
                _log.info("embedded_part_up", extra={"part": name, "part_pid": part.pid})
            case "down":
                fields = {"part": name, "reason": report["reason"]}
                _log.warning("embedded_part_down", extra=fields)
            case "failed":
                if not first_up.done():
                    first_up.set_exception(self._failure(name, str(report["reason"])))

    def _pin(self, name: str, port: int) -> None:
        """From now on clients know this port: another supervisor must use it too."""
        ordered = replace(self._order.parts[name], port=port)
        self._order = replace(self._order, parts={**self._order.parts, name: ordered})

    async def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Bury a supervisor whose output ended."""
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, 5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    async def _replaced(self) -> None:
        """Somebody killed the supervisor; the kernel ended its parts with it."""
        for name, up in self._first_up.items():
            if not up.done():
                detail = f"its supervisor ended; see {self._log_file}"
                up.set_exception(self._failure(name, detail))
        _log.warning("embedded_supervisor_replaced")
        await asyncio.sleep(_REPLACE_AFTER)

    def _failure(self, name: str, detail: str) -> PartFailedError:
        return PartFailedError(name, detail, self._directory.path / name / "server.log")


@asynccontextmanager
async def open_supervision(
    directory: DataDirectory, parts: dict[str, PartOrder]
) -> AsyncIterator[Supervision]:
    """Run the parts until left; when it yields, all of them answer."""
    order = Order(directory=str(directory.path), lock=directory.parts_lock, parts=parts)
    supervision = Supervision(directory, order)
    # Not a TaskGroup: it would wrap whatever the caller's block raises in an ExceptionGroup.
    running = asyncio.create_task(supervision.run(), name="embedded supervision")
    try:
        await supervision.wait_up(running)
        yield supervision
    finally:
        supervision.stop()
        await _finish(running, supervision)


async def _finish(running: asyncio.Task[None], supervision: Supervision) -> None:
    done, _ = await asyncio.wait([running], timeout=_GONE_WITHIN)
    if not done:
        _log.error("embedded_supervisor_hangs", extra={"supervisor_pid": supervision.pid})
        supervision.kill()
    await running
