"""Keeps one part running: starts it, sees that it answers, starts it again, stops it for good."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from libs.embedded.identity import Identity
from libs.embedded.kernel import die_with_parent
from libs.embedded.part import Command, Part
from libs.embedded.ports import choose_port, remember_port

#: A part that never answered is given up after as many starts; one that did is started for ever.
_FIRST_STARTS = 3
_MAX_LOG_BYTES = 16 * 1024 * 1024
_STEADY_AFTER = 1.0
_LONGEST_PAUSE = 5.0

Report = Callable[[dict[str, object]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A process of the part, alive as far as we know."""

    process: subprocess.Popen[bytes]
    command: Command

    @property
    def serves(self) -> bool:
        """Whether it is the server itself."""
        return self.command.finish is None


class Keeper:
    """The state of one part. Times are the supervisor's monotonic clock."""

    def __init__(
        self, part: Part, *, identity: Identity, lock: int, pinned: bool, report: Report
    ) -> None:
        self.part = part
        self._identity = identity
        self._lock = lock
        #: Clients know the port already: never another one, never give up.
        self._pinned = pinned
        self._report = report
        self._log = _open_log(part.folder)
        self._run: _Run | None = None
        self._started_at = 0.0
        self._due = 0.0
        self._failed_starts = 0
        #: Ends in a row that came soon after the start.
        self._quick_ends = 0
        self._up = False
        self._gave_up = False
        self._stop_asked_at: float | None = None
        self._stops_sent = 0

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return None if self._run is None else self._run.process.pid

    def tick(self, now: float, *, may_start: bool) -> float:
        """Do what is due; return after how many seconds to look again at the latest."""
        if self._stop_asked_at is not None:
            self._escalate(now)
            return 0.02
        if self._run is None:
            if may_start and now >= self._due and not self._gave_up:
                self._start(now)
            return 1.0 if self._gave_up else 0.02
        pid = self._run.process.pid
        if not self._up and self._run.serves and self.part.is_up(pid):
            self._came_up(pid)
        self._bound_log()
        return 1.0 if self._up else 0.01

    def stop(self, now: float) -> None:
        """Begin to stop; `tick` goes on with it."""
        if self._stop_asked_at is None:
            self._stop_asked_at = now

    def exited(self, status: int, now: float) -> None:
        """Take note that the process ended."""
        run, self._run, self._up = self._run, None, False
        code = os.waitstatus_to_exitcode(status)
        if run is not None:
            run.process.returncode = code  # else Popen would look for a process that is reaped
        if self._stop_asked_at is not None:
            return
        if run is not None and run.command.finish is not None and code == 0:
            run.command.finish()
            self._due = now
        else:
            self._failed(f"it ended with code {code}", now)

    def _start(self, now: float) -> None:
        supervisor = os.getpid()
        self._started_at = now
        try:
            self._identity.take(self.part.folder)
            command = self.part.next_command()
            process = self._identity.spawn(
                command.argv,
                self.part.folder,
                self._log,
                self._lock,
                lambda: die_with_parent(command.orphaned, supervisor),
            )
            self._run = _Run(process=process, command=command)
        except (OSError, subprocess.SubprocessError) as error:
            self._failed(str(error), now)

    def _came_up(self, pid: int) -> None:
        self._up = True
        self._pinned = True
        remember_port(self.part.folder / "port", self.part.port)
        self._report({"event": "up", "part": self.part.name, "pid": pid, "port": self.part.port})

    def _failed(self, reason: str, now: float) -> None:
        """Decide when to start again: at once after a steady life, else with growing pauses."""
        lived = now - self._started_at
        self._quick_ends = 0 if lived > _STEADY_AFTER else min(self._quick_ends + 1, 10)
        pause = min(_LONGEST_PAUSE, 0.05 * 2**self._quick_ends) if self._quick_ends else 0.0
        self._due = now + pause
        self._report({"event": "down", "part": self.part.name, "reason": reason})
        if self._pinned:
            return
        self._failed_starts += 1
        if self._failed_starts >= _FIRST_STARTS:
            self._gave_up = True
            detail = f"{reason}; {_last_words(self.part.folder)}"
            self._report({"event": "failed", "part": self.part.name, "reason": detail})
        else:
            self.part.port = choose_port()  # most likely somebody else took it meanwhile

    def _escalate(self, now: float) -> None:
        if self._run is None or self._stop_asked_at is None:
            return
        stops, pid = self._run.command.stops, self._run.process.pid
        while self._stops_sent < len(stops):
            after, signal_number = stops[self._stops_sent]
            if now - self._stop_asked_at < after:
                return
            # Not by Popen, which would reap it behind our back; unreaped, the pid is still its own.
            os.kill(pid, signal_number)
            # A stopped (SIGSTOP, debugger) process takes note of nothing gentle before this.
            os.kill(pid, signal.SIGCONT)
            self._stops_sent += 1

    def _bound_log(self) -> None:
        if os.fstat(self._log).st_size > _MAX_LOG_BYTES:
            os.ftruncate(self._log, 0)


def _open_log(folder: Path) -> int:
    """Begin a new log, keeping the last one beside it."""
    log = folder / "server.log"
    if log.exists():
        log.replace(folder / "server.previous.log")
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _last_words(folder: Path) -> str:
    """Give the end of the log, errors preferred."""
    lines = (folder / "server.log").read_bytes()[-4000:].decode(errors="replace").splitlines()
    lines = [line.strip() for line in lines if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "rror:" in line]
    # Short enough that a report fits into a pipe at one stroke.
    return " / ".join((telling or lines)[-3:])[-1500:] or "it said nothing"
