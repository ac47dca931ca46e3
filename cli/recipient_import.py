"""Stores recipients in batches and tells what was refused."""

from __future__ import annotations

from collections.abc import Sequence

from cli.entries import Entry
from cli.errors import CommandError, Refused, from_status
from cli.output import Output
from cli.recipient_file import FileFormat
from cli.retrying import ask_again, may_pass
from cli.session import Session
from tidings.preference.v1.recipient_service_pb2 import (
    Recipient,
    UpsertRecipientResult,
    UpsertRecipientsRequest,
)
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceStub

BATCH_ENTRIES = 500
#: A batch takes longer than a call of one.
_TRY_SECONDS = 15.0
#: Each entry is judged as if it had come alone.
_ENTRY = "recipient."


class ImportReport:
    """The lines that were refused, and the number of both kinds."""

    def __init__(self, output: Output, form: FileFormat) -> None:
        self._output = output
        self._place = "column" if form is FileFormat.CSV else "field"
        self.stored = 0
        self.refused = 0

    def tell(self, entry: Entry[Recipient], error: CommandError | None) -> None:
        """Counts an entry, and says why it was refused if it was."""
        if error is None:
            self.stored += 1
            return
        self.refused += 1
        recipient_id = entry.message.recipient_id
        if self._output.is_json:
            self._output.record(
                {"line": entry.line, "recipient_id": recipient_id, "error": error.document()}
            )
            return
        who = f" {recipient_id}" if recipient_id else ""
        reason = f" ({error.reason})" if isinstance(error, Refused) else ""
        self._output.line(f"{entry.line}:{who} refused: {self._why(error)}{reason}")

    def _why(self, error: CommandError) -> str:
        """Returns the sentence of an error, with the places in the file that it is about."""
        violations = error.details.violations if isinstance(error, Refused) else ()
        places = [
            f"{self._place} {violation.field.removeprefix(_ENTRY)}: {violation.description}"
            for violation in violations
        ]
        return "; ".join(places) or error.sentence

    def close(self) -> None:
        """Says how many were stored; raises CommandError if any was not."""
        if self._output.is_json:
            self._output.record({"stored": self.stored, "refused": self.refused})
        else:
            self._output.note(f"{self.stored} stored")
        if self.refused:
            raise CommandError(
                f"{self.refused} of {self.stored + self.refused} were refused",
                hint="correct those lines and import the file again; what is stored stays as it is",
            )


async def store_batch(
    session: Session, batch: Sequence[Entry[Recipient]], report: ImportReport, *, within: float
) -> None:
    """Stores what can be stored and tells all; raises CommandError when going on makes no sense.

    A call that may yet pass is repeated for `within` seconds: storing twice is storing once.
    """
    request = UpsertRecipientsRequest(
        recipients=[entry.message for entry in batch if entry.fault is None]
    )
    results: Sequence[UpsertRecipientResult] = ()
    if request.recipients:
        stub = RecipientServiceStub(session.channel)
        try:
            response = await ask_again(
                session, stub.UpsertRecipients, request, within=within, each=_TRY_SECONDS
            )
        except CommandError as error:
            if may_pass(error):
                error.hint = (
                    f"{report.stored} are stored; nobody answered for line {batch[0].line} and what follows;"
                    " import the file again, what is stored stays as it is"
                )
            raise
        results = response.results
    remaining = iter(results)
    for entry in batch:
        report.tell(entry, entry.fault or _error_of(next(remaining)))


def _error_of(result: UpsertRecipientResult) -> CommandError | None:
    return from_status(result.error) if result.HasField("error") else None
