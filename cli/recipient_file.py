"""Reads recipients from CSV and from JSON lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from enum import StrEnum

from cli.entries import Entry, read_json_lines
from cli.errors import Misused
from tidings.preference.v1.recipient_service_pb2 import Recipient

_TEXTS = ("recipient_id", "locale", "time_zone", "webhook_url")
_LISTS = ("emails", "phone_numbers")
COLUMNS = ("recipient_id", "emails", "phone_numbers", "locale", "time_zone", "webhook_url")


class FileFormat(StrEnum):
    """What `--format` takes."""

    CSV = "csv"
    JSONL = "jsonl"


def format_of(name: str) -> FileFormat:
    """Returns the format that a file's name suggests: CSV if it says so, else JSON lines."""
    return FileFormat.CSV if name.lower().endswith(".csv") else FileFormat.JSONL


def read_recipients(file: Iterable[bytes], form: FileFormat) -> Iterator[Entry[Recipient]]:
    """Gives an entry for each recipient. Raises Misused when a CSV file's header is not one."""
    if form is FileFormat.CSV:
        return _read_csv(file)
    return read_json_lines(file, Recipient)


def _read_csv(file: Iterable[bytes]) -> Iterator[Entry[Recipient]]:
    lines = _Lines(file)
    rows = csv.reader(lines, strict=True)
    header = _header(rows)
    lines.take_length()
    while True:
        # A row in quotes may go over several lines.
        number = lines.read + 1
        try:
            row = next(rows)
            fault = None if len(row) in (0, len(header)) else _ragged(row, header)
        except StopIteration:
            return
        except csv.Error as error:
            row, fault = [""], Misused(f"not CSV: {error}")
        except UnicodeDecodeError as error:
            row, fault = [""], Misused(f"not UTF-8: {error}")
        if row:
            message = Recipient() if fault else _recipient(dict(zip(header, row, strict=True)))
            yield Entry(line=number, length=lines.take_length(), message=message, fault=fault)


class _Lines:
    """The text of a file's lines; counts the bytes that were read."""

    def __init__(self, file: Iterable[bytes]) -> None:
        self._file = iter(file)
        self._length = 0
        self.read = 0
        """How many lines were read."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self._length += len(line)
        self.read += 1
        return line.decode("utf-8-sig")

    def take_length(self) -> int:
        """Returns how many bytes were read since it was last asked."""
        length, self._length = self._length, 0
        return length


def _header(rows: Iterator[list[str]]) -> list[str]:
    try:
        header = [cell.strip() for cell in next(rows, [])]
    except (csv.Error, UnicodeDecodeError) as error:
        raise Misused(f"line 1 is no CSV: {error}") from None
    allowed = ", ".join(COLUMNS)
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        nearest = get_close_matches(unknown[0].lower(), COLUMNS, 1)
        meant = f"; did you mean {nearest[0]}?" if nearest else ""
        raise Misused(
            f"line 1: there is no column {unknown[0]!r}{meant}", hint=f"the columns are {allowed}"
        )
    if "recipient_id" not in header or len(set(header)) != len(header):
        raise Misused(
            f"line 1 must name the columns, each once: recipient_id, and others of {allowed}"
        )
    return header


def _ragged(row: list[str], header: list[str]) -> Misused:
    if len(row) < len(header):
        return Misused(f"has no cell for the column {header[len(row)]}; an empty one will do")
    return Misused(
        f"has {len(row)} cells for {len(header)} columns; put a cell with a comma in double quotes"
    )


def _recipient(cells: dict[str, str]) -> Recipient:
    """Returns the recipient of a row; cells with several addresses have `;` between them."""
    texts = {name: cells[name].strip() for name in _TEXTS if name in cells}
    lists = {
        name: [part.strip() for part in cells[name].split(";") if part.strip()]
        for name in _LISTS
        if name in cells
    }
    return Recipient(**texts, **lists)  # type: ignore[arg-type]
