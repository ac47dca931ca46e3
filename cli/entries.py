"""Reads requests from JSON lines, in batches that one call can carry."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO
from uuid import uuid4

from google.protobuf import json_format

from cli.errors import Misused
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationRequest

BATCH_ENTRIES = 200
#: A little less than the 4 MiB that the contract allows: each entry costs some bytes beside its own.
BATCH_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line, as the request that it says."""

    line: int
    """Counted from 1."""
    length: int
    """Of the line, in bytes."""
    request: SendNotificationRequest
    fault: Misused | None = None
    """Why it is no request; then `request` is not to be sent."""


def read_batches(file: BinaryIO) -> Iterator[list[Entry]]:
    """Gives the entries in order, as they come; each with a request id, made if it had none."""
    batch: list[Entry] = []
    size = 0
    for entry in _interruptible(_read(file)):
        more = entry.request.ByteSize()
        if batch and (len(batch) == BATCH_ENTRIES or size + more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += more
    if batch:
        yield batch


def _read(file: Iterable[bytes]) -> Iterator[Entry]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            request, fault = _parse(line), None
        except Misused as error:
            request, fault = SendNotificationRequest(), error
        yield Entry(line=number, length=len(line), request=request, fault=fault)


def _parse(line: bytes) -> SendNotificationRequest:
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise Misused(f"not UTF-8: {error}") from None
    # The parser takes a list for an object.
    if not text.startswith("{"):
        raise Misused("not a JSON object")
    try:
        request = json_format.Parse(text, SendNotificationRequest())
    except json_format.ParseError as error:
        raise Misused(str(error).splitlines()[0]) from None
    if request.ByteSize() > BATCH_BYTES:
        raise Misused(f"larger than {BATCH_BYTES} bytes")
    request.request_id = request.request_id or str(uuid4())
    return request


def _interruptible(entries: Iterator[Entry]) -> Iterator[Entry]:
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
