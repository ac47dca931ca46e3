"""How commands speak: text for people, protobuf JSON with the contracts' field names for programs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from google.protobuf.message import Message
from rich.console import Console
from rich.text import Text

from cli.errors import CommandError
from cli.program import pasteable

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

_KEPT = {"\n", "\t"}


class OutputFormat(StrEnum):
    """What `--output` takes."""

    TEXT = "text"
    JSON = "json"


def plain(text: str) -> str:
    """Returns `text` without control characters: what a server says must not steer a terminal."""
    return "".join(
        character if character.isprintable() or character in _KEPT else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def to_document(message: Message) -> dict[str, Any]:
    """Returns protobuf JSON: original field names, fields at their defaults included."""
    from google.protobuf import json_format  # slow to import, and text does without

    document: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return document


class _Answers(Console):
    """Standard output. A reader who leaves ends the command, quietly."""

    def on_broken_pipe(self) -> None:
        """Ends as a program that SIGPIPE ends: a shell tells that from a refusal."""
        self.quiet = True
        _abandon(sys.stdout)
        raise SystemExit(128 + signal.SIGPIPE)


class _Notes(Console):
    """Standard error. The command goes on when nobody reads it."""

    def on_broken_pipe(self) -> None:
        """Says no more."""
        self.quiet = True
        _abandon(sys.stderr)


def _abandon(stream: TextIO) -> None:
    """Lets what a stream still holds go nowhere, so that it does not fail once more at the end."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Output:
    """Where a command's answer, its notes and its error go."""

    def __init__(self, form: OutputFormat = OutputFormat.TEXT) -> None:
        self.form = form
        self.console: Console = _Answers(highlight=False, markup=False, emoji=False)
        self._notes: Console = _Notes(stderr=True, highlight=False, markup=False, emoji=False)

    @property
    def is_json(self) -> bool:
        """Whether programs read along."""
        return self.form is OutputFormat.JSON

    def answer(self, message: Message | Mapping[str, Any], show: Callable[[], None]) -> None:
        """Prints the answer as one JSON document, or as `show` puts it."""
        if self.is_json:
            document = to_document(message) if isinstance(message, Message) else message
            self.line(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            show()

    def record(self, document: Mapping[str, Any]) -> None:
        """Prints one line of JSON, at once."""
        self.line(json.dumps(document, ensure_ascii=False))

    def line(self, text: str = "", style: str = "") -> None:
        """Prints a line that is never wrapped or cut."""
        self.console.print(Text(plain(text), style=style), soft_wrap=True)

    def paragraph(self, text: str, *, indent: int = 0, style: str = "") -> None:
        """Prints text of any length, indented; wrapped on terminals only."""
        space = " " * indent
        for line in plain(text).splitlines():
            width = self.console.width if self.console.is_terminal else len(line) + indent + 1
            wrapped = textwrap.wrap(
                line, max(width, indent + 20), initial_indent=space, subsequent_indent=space
            )
            for part in wrapped or [""]:
                self.line(part, style)

    def columns(self, rows: Iterable[Sequence[str]], *, header: Sequence[str] = ()) -> None:
        """Prints aligned columns, the last one ragged."""
        table = [[plain(cell) for cell in row] for row in ([header] if header else [])]
        table += [[plain(cell) for cell in row] for row in rows]
        if not table:
            return
        widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
        for number, row in enumerate(table):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            style = "dim" if header and number == 0 else ""
            self.line("  ".join(cells).rstrip(), style)

    def more(self, page_token: str) -> None:
        """Says that a list was cut, if it was."""
        if page_token:
            self.note(f"there is more: add --page-token {page_token}, or raise --limit")

    def note(self, sentence: str) -> None:
        """Tells people something beside the answer, on stderr; programs are spared it."""
        if not self.is_json:
            self._notes.print(Text(plain(pasteable(sentence)), style="dim"), soft_wrap=True)

    # Any: what JSON can hold.
    def event(self, name: str, show: Callable[[], None], **fields: Any) -> None:
        """Tells how far a command that hosts servers is: as `show` puts it, or see `LoggedOutput`."""
        show()

    def end_line(self) -> None:
        """Ends the line on which a terminal has shown Ctrl-C."""
        if self._notes.is_terminal:
            self._notes.print()

    @contextmanager
    def progress(
        self, total: int | None, *, doing: str = "sending"
    ) -> Iterator[Callable[[int], None]]:
        """Draws a bar on a terminal, below what is printed meanwhile; gives what moves it on.

        Without a total it only shows that something goes on.
        """
        from rich.progress import Progress  # slow to import, and most commands do without

        with self._live(Progress.get_default_columns()) as bar:
            task = bar.add_task(doing, total=total)
            yield lambda steps: bar.advance(task, steps)

    @contextmanager
    def counter(self, done: str) -> Iterator[Callable[[int], None]]:
        """Counts on a terminal what is `done`; gives what moves the number on."""
        from rich.progress import SpinnerColumn, TextColumn

        with self._live(
            (SpinnerColumn(), TextColumn("{task.completed:.0f} {task.description}"))
        ) as counter:
            task = counter.add_task(done, total=None)
            yield lambda steps: counter.advance(task, steps)

    @contextmanager
    def _live(self, columns: Iterable[ProgressColumn]) -> Iterator[Progress]:
        from rich.progress import Progress

        console = self.console if self.console.is_terminal else self._notes
        notes = self._notes
        if notes.is_terminal:
            # Two consoles on one terminal would write into one another's lines.
            self._notes = console
        try:
            with Progress(
                *columns,
                console=console,
                transient=True,
                disable=not console.is_terminal,
                redirect_stdout=False,
                redirect_stderr=False,
            ) as bar:
                yield bar
        finally:
            self._notes = notes

    def error(self, error: CommandError) -> None:
        """Prints what ended the command, on stderr."""
        if self.is_json:
            text = json.dumps({"error": error.document()}, ensure_ascii=False)
            self._notes.print(Text(text), soft_wrap=True)
            return
        sentence = Text.assemble(("error: ", "bold red"), plain(error.sentence))
        self._notes.print(sentence, soft_wrap=True)
        for line in error.lines():
            self._notes.print(Text(f"  {plain(line)}"), soft_wrap=True)
