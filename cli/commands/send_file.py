"""`tidings send-file`: notify many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias
from uuid import uuid4

import typer

from cli.acceptance import describe
from cli.batch_sending import Answer, BatchBroken, send_batch
from cli.command import command
from cli.entries import Entry, file_length, in_batches, read_json_lines
from cli.errors import CommandError, Misused, Refused
from cli.output import Output, to_document
from cli.retrying import may_pass
from cli.session import Session
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationRequest

BATCH_ENTRIES = 200
SendEntry: TypeAlias = Entry[SendNotificationRequest]

app = typer.Typer(add_completion=False)


@command(app, "send-file")
async def send_file(
    session: Session,
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(metavar="FILE", help="JSON lines; - for standard input."),
    ],
    within: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Try each batch again that long.")
    ] = 30.0,
) -> None:
    """Notify many: each line is a SendNotificationRequest in JSON, its fields named as there.

    Says of each line what became of it; the exit code is 1 if any was refused. A line without
    request_id gets one; give your own to be able to repeat a file without sending twice.
    """
    report = Report(session.output)
    with session.output.progress(file_length(file)) as advance:
        entries = map(_with_request_id, read_json_lines(file, SendNotificationRequest))
        for batch in in_batches(entries, most=BATCH_ENTRIES):
            await _send(session, batch, report, within)
            advance(sum(entry.length for entry in batch))
    report.close()


class Report:
    """A line per entry, and their number."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._accepted = 0
        self._refused = 0

    def tell(self, entry: SendEntry, answer: Answer | Misused | None) -> None:
        """Says what became of an entry; None when nobody answered."""
        if answer is None:
            line, document = f"no answer; its request id is {entry.message.request_id}", {}
        elif isinstance(answer, CommandError):
            self._refused += 1
            reason = f" ({answer.reason})" if isinstance(answer, Refused) else ""
            line, document = f"refused: {answer.sentence}{reason}", {"error": answer.document()}
        else:
            self._accepted += 1
            line, document = describe(entry.message, answer), {"accepted": to_document(answer)}
        if self._output.is_json:
            request_id = entry.message.request_id
            self._output.record({"line": entry.line, "request_id": request_id, **document})
        else:
            self._output.line(f"{entry.line}: {line}")

    def close(self) -> None:
        """Says how many were accepted; raises CommandError if any was not."""
        if self._refused:
            raise CommandError(
                f"{self._refused} of {self._accepted + self._refused} were refused",
            )
        self._output.note(f"{self._accepted} accepted")


async def _send(session: Session, batch: list[SendEntry], report: Report, within: float) -> None:
    """Sends what can be sent and tells all; raises CommandError when going on makes no sense."""
    requests = [entry.message for entry in batch if entry.fault is None]
    answers: Sequence[Answer | None]
    broken = None
    try:
        answers = await send_batch(session, requests, within=within)
    except BatchBroken as error:
        answers, broken = error.answers, error.error
    remaining = iter(answers)
    for entry in batch:
        report.tell(entry, entry.fault or next(remaining))
    if broken is not None:
        if may_pass(broken):
            broken.hint = (
                f"lines after {batch[-1].line} were not sent; send those without an answer with the"
                " request ids above, and they are not sent twice"
            )
        raise broken


def _with_request_id(entry: SendEntry) -> SendEntry:
    if entry.fault is None:
        entry.message.request_id = entry.message.request_id or str(uuid4())
    return entry
