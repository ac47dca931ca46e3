"""Reads messages from the lines of a file, in batches that one call can carry."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Generic, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from cli.errors import Misused

#: A little less than the 4 MiB that the contract allows: each entry costs some bytes beside its own.
BATCH_BYTES = 4_000_000

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[MessageT]):
    """A line, as the message that it says."""

    line: int
    """Counted from 1."""
    length: int
    """Of the line, in bytes."""
    message: MessageT
    fault: Misused | None = None
    """Why it is no such message; then `message` is not to be sent."""


def in_batches(entries: Iterator[Entry[MessageT]], *, most: int) -> Iterator[list[Entry[MessageT]]]:
    """Gives the entries in order, as they come, at most so many at once."""
    batch: list[Entry[MessageT]] = []
    size = 0
    for entry in _interruptible(entries):
        more = entry.message.ByteSize()
        if batch and (len(batch) == most or size + more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += more
    if batch:
        yield batch


def read_json_lines(
    file: Iterable[bytes], message_type: type[MessageT]
) -> Iterator[Entry[MessageT]]:
    """Reads a message in protobuf JSON from each line that is not blank."""
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            message, fault = _parse(line, message_type), None
        except Misused as error:
            message, fault = message_type(), error
        yield Entry(line=number, length=len(line), message=message, fault=fault)


def file_length(file: BinaryIO) -> int | None:
    """Returns how long a file is; None for what is no file."""
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _parse(line: bytes, message_type: type[MessageT]) -> MessageT:
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise Misused(f"not UTF-8: {error}") from None
    # The parser takes a list for an object.
    if not text.startswith("{"):
        raise Misused("not a JSON object")
    try:
        message = json_format.Parse(text, message_type())
    except json_format.ParseError as error:
        raise Misused(str(error).splitlines()[0]) from None
    if message.ByteSize() > BATCH_BYTES:
        raise Misused(f"larger than {BATCH_BYTES} bytes")
    return message


def _interruptible(entries: Iterator[Entry[MessageT]]) -> Iterator[Entry[MessageT]]:
    """Lets Ctrl-C end a read that waits; the event loop, which has taken it over, waits too."""
    while True:
        with _default_interrupt():
            entry = next(entries, None)
        if entry is None:
            return
        yield entry


@contextmanager
def _default_interrupt() -> Iterator[None]:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
