"""The process between a server and its parts: `python -m libs.embedded.supervisor`.

It reads an `Order` from its standard input and runs the parts until that input ends, which is how
it learns of every death of the server, kill -9 included. It reports by lines of JSON on its
standard output. Standard library only, one thread: it must stay small and fork safely.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import time
from pathlib import Path

from libs.embedded.identity import unprivileged
from libs.embedded.keeper import Keeper, Report
from libs.embedded.kernel import adopt_orphans, children
from libs.embedded.order import Order, PartOrder
from libs.embedded.part import Part
from libs.embedded.ports import choose_port, remembered_port
from libs.embedded.postgres import Postgres
from libs.embedded.valkey import Valkey

_PARTS: dict[str, type[Postgres] | type[Valkey]] = {"postgres": Postgres, "valkey": Valkey}
_STDIN, _STDOUT = 0, 1


class Supervisor:
    """Runs the keepers of all parts in one loop."""

    def __init__(self, keepers: list[Keeper]) -> None:
        self._keepers = keepers
        self._stopping = False
        self._server = os.getppid()
        self._wakeup_reader, self._wakeup_writer = os.pipe()
        os.set_blocking(self._wakeup_reader, False)
        os.set_blocking(self._wakeup_writer, False)

    def run(self) -> None:
        """Keep the parts running until told to stop, and return when none is left."""
        self._take_signals()
        with selectors.DefaultSelector() as selector:
            selector.register(_STDIN, selectors.EVENT_READ, self._read_stdin)
            selector.register(self._wakeup_reader, selectors.EVENT_READ, self._read_wakeup)
            while True:
                self._reap()
                stray = self._kill_strays()
                if self._stopping and not stray and all(k.pid is None for k in self._keepers):
                    return
                for key, _ in selector.select(self._tick(may_start=not stray)):
                    if not key.data():
                        selector.unregister(key.fileobj)

    def _take_signals(self) -> None:
        # Handlers rather than SIG_IGN, which the parts would inherit. Ctrl-C is the server's to
        # interpret; a polite stop of ours must not leave the parts behind.
        signal.set_wakeup_fd(self._wakeup_writer, warn_on_full_buffer=False)
        for quiet in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(quiet, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._stop())

    def _tick(self, *, may_start: bool) -> float:
        if os.getppid() != self._server:
            # A child forked by the server may hold our input open after the server's death.
            self._stop()
        now = time.monotonic()
        return min([keeper.tick(now, may_start=may_start) for keeper in self._keepers], default=1.0)

    def _stop(self) -> None:
        self._stopping = True
        for keeper in self._keepers:
            keeper.stop(time.monotonic())

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for keeper in self._keepers:
                if keeper.pid == pid:
                    keeper.exited(status, time.monotonic())

    def _kill_strays(self) -> bool:
        """Kill what a dead part left: backends of a killed postmaster bar the way of the next."""
        strays = children() - {keeper.pid for keeper in self._keepers}
        for pid in strays:
            os.kill(pid, signal.SIGKILL)  # our unreaped child: the pid cannot be another's
        return bool(strays)

    def _read_stdin(self) -> bool:
        if os.read(_STDIN, 4096):
            return True
        self._stop()
        return False

    def _read_wakeup(self) -> bool:
        os.read(self._wakeup_reader, 4096)
        return True


def _read_order() -> Order | None:
    """Read the first line, byte by byte: what follows is not ours to buffer."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(_STDIN, 1)
        if not byte:
            return None
        line += byte
    return Order.from_line(line)


def _report(fields: dict[str, object]) -> None:
    # The server may be gone, or hang: stopping is decided by our input alone.
    with contextlib.suppress(OSError):
        os.write(_STDOUT, json.dumps(fields).encode() + b"\n")


def _part(name: str, order: PartOrder, directory: Path) -> Part:
    folder = directory / name
    port = order.port or choose_port(remembered_port(folder / "port"))
    return _PARTS[name](folder, Path(order.binaries), port)


def main() -> None:
    """Run the ordered parts."""
    order = _read_order()
    if order is None:
        return
    os.set_blocking(_STDOUT, False)
    adopt_orphans()
    identity = unprivileged()
    report: Report = _report
    keepers = [
        Keeper(
            _part(name, part, Path(order.directory)),
            identity=identity,
            lock=order.lock,
            pinned=part.port is not None,
            report=report,
        )
        for name, part in order.parts.items()
    ]
    Supervisor(keepers).run()


if __name__ == "__main__":
    main()
