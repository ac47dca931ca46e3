"""What can go wrong with the embedded parts, in sentences for the operator."""

from __future__ import annotations

from pathlib import Path


class EmbeddedError(Exception):
    """The embedded parts cannot be used."""


class DataDirectoryInUseError(EmbeddedError):
    """A live server works in this data directory."""

    def __init__(self, path: Path, pid: int | None) -> None:
        self.path = path
        self.pid = pid
        owner = "" if pid is None else f" (pid {pid})"
        super().__init__(
            f"Tidings is already running on {path}{owner}; stop it or choose another --data-dir"
        )


class PartsStillRunningError(EmbeddedError):
    """The server of this data directory is gone, but its parts did not stop in time."""

    def __init__(self, path: Path, waited: float) -> None:
        self.path = path
        self.waited = waited
        super().__init__(
            f"parts of an earlier server on {path} are still running after {waited:.0f} s; "
            "stop its postgres and valkey-server or choose another --data-dir"
        )


class DataDirectoryUnusableError(EmbeddedError):
    """The data directory cannot be made, opened or trusted."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"cannot use {path} as data directory: {reason}")


class BinariesMissingError(EmbeddedError):
    """The wheel that carries a part's binaries is not installed, or not for this platform."""

    def __init__(self, part: str, package: str) -> None:
        self.part = part
        self.package = package
        super().__init__(
            f"no embedded {part} here: the package {package} is missing or has no binaries for "
            f"this platform; install it or name a {part} of your own"
        )


class PartFailedError(EmbeddedError):
    """A part did not come up."""

    def __init__(self, part: str, detail: str, log: Path) -> None:
        self.part = part
        self.detail = detail
        self.log = log
        super().__init__(f"embedded {part} does not start: {detail} (log: {log})")


class PartNotOpenedError(EmbeddedError):
    """The address of a part was asked that was not opened."""

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(f"embedded {part} was not opened")
