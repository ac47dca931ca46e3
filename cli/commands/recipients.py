"""`tidings recipients`: who is notified."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.changing import EtagOption, RequestIdOption, mask_of, parse_choice
from cli.command import command
from cli.entries import file_length, in_batches
from cli.output import Output
from cli.paging import AllOption, LimitOption, PageTokenOption, read_list
from cli.recipient_file import FileFormat, format_of, read_recipients
from cli.recipient_import import BATCH_ENTRIES, ImportReport, store_batch
from cli.session import Session
from cli.times import show_time
from tidings.preference.v1.recipient_service_pb2 import (
    DeleteRecipientRequest,
    GetRecipientRequest,
    ListRecipientsRequest,
    ListRecipientsResponse,
    Recipient,
    UpdateRecipientRequest,
    UpsertRecipientRequest,
)
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceStub

app = typer.Typer(help="Who is notified.", no_args_is_help=True, add_completion=False)
RecipientId = Annotated[str, typer.Argument(metavar="RECIPIENT", help="Your own id of somebody.")]


#: Named as in the contract, and so as the columns of a file.
_FIELDS = {
    "emails": "--emails",
    "phone_numbers": "--phone-numbers",
    "locale": "--locale",
    "time_zone": "--time-zone",
    "webhook_url": "--webhook-url",
}
_OPTIONS = ", ".join([*_FIELDS.values(), "--clear"])


EmailsOption = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="A mail address; repeat it, the first is preferred."),
]
PhoneNumbersOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NUMBER", help="Such as +4915112345678; repeat it, the first is preferred."
    ),
]
WebhookUrlOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Where its webhooks go, by https.")
]


@command(app, "put")
async def put(
    session: Session,
    recipient_id: RecipientId,
    emails: EmailsOption = None,
    phone_numbers: PhoneNumbersOption = None,
    locale: Annotated[
        str, typer.Option(show_default="en", help="A language tag such as pt-BR.")
    ] = "",
    time_zone: Annotated[
        str, typer.Option(show_default="UTC", help="A time zone such as Europe/Berlin.")
    ] = "",
    webhook_url: WebhookUrlOption = None,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Store a recipient, whole: what is not given is forgotten."""
    recipient = Recipient(
        recipient_id=recipient_id,
        emails=emails or [],
        phone_numbers=phone_numbers or [],
        locale=locale,
        time_zone=time_zone,
        webhook_url=webhook_url or "",
        etag=etag,
    )
    stub = RecipientServiceStub(session.channel)
    request = UpsertRecipientRequest(recipient=recipient, request_id=request_id)
    response = await session.ask(stub.UpsertRecipient, request)
    session.output.answer(
        response, lambda: session.output.line(f"recipient {response.recipient.recipient_id} stored")
    )


@command(app, "update")
async def update(
    session: Session,
    recipient_id: RecipientId,
    emails: EmailsOption = None,
    phone_numbers: PhoneNumbersOption = None,
    locale: Annotated[str | None, typer.Option(help="A language tag such as pt-BR.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="A time zone such as Europe/Berlin.")
    ] = None,
    webhook_url: WebhookUrlOption = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(
            parser=parse_choice(_FIELDS),
            metavar="|".join(_FIELDS),
            help="What is to be forgotten; repeat it.",
        ),
    ] = None,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Change some of what is known of a recipient; what is not given stays."""
    given = {
        "emails": emails,
        "phone_numbers": phone_numbers,
        "locale": locale,
        "time_zone": time_zone,
        "webhook_url": webhook_url,
    }
    mask = mask_of(given, clear or [], options=_OPTIONS)
    recipient = Recipient(
        recipient_id=recipient_id,
        emails=emails or [],
        phone_numbers=phone_numbers or [],
        locale=locale or "",
        time_zone=time_zone or "",
        webhook_url=webhook_url or "",
        etag=etag,
    )
    stub = RecipientServiceStub(session.channel)
    request = UpdateRecipientRequest(recipient=recipient, update_mask=mask, request_id=request_id)
    response = await session.ask(stub.UpdateRecipient, request)
    session.output.answer(response, lambda: _show(session.output, response.recipient))


@command(app, "delete")
async def delete(
    session: Session,
    recipient_id: RecipientId,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Delete a recipient with its preferences; what waits for it is refused."""
    stub = RecipientServiceStub(session.channel)
    request = DeleteRecipientRequest(recipient_id=recipient_id, etag=etag, request_id=request_id)
    response = await session.ask(stub.DeleteRecipient, request)
    session.output.answer(
        response, lambda: session.output.line(f"recipient {recipient_id} deleted")
    )


@command(app, "import")
async def import_recipients(
    session: Session,
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(metavar="FILE", help="CSV or JSON lines; - for standard input."),
    ],
    form: Annotated[
        FileFormat | None,
        typer.Option(
            "--format", show_default="csv if the file is named so, else jsonl", help="Of the file."
        ),
    ] = None,
    within: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Try each batch again that long.")
    ] = 30.0,
) -> None:
    """Store many recipients, each whole, and list the lines that were refused.

    JSON lines: a Recipient each, its fields named as in the contract. CSV: the first line names the
    columns recipient_id, emails, phone_numbers, locale, time_zone and webhook_url, as the options of `put`
    are named; only the first is needed. Several addresses in one cell have ; between them.

    The exit code is 1 if any line was refused. A file may be imported again at any time: what is stored
    as it says stays as it is.
    """
    form = form or format_of(file.name)
    report = ImportReport(session.output, form)
    with session.output.progress(file_length(file), doing="importing") as advance:
        entries = read_recipients(file, form)
        for batch in in_batches(entries, most=BATCH_ENTRIES):
            await store_batch(session, batch, report, within=within)
            advance(sum(entry.length for entry in batch))
    report.close()


@command(app, "get")
async def get(session: Session, recipient_id: RecipientId) -> None:
    """Show a recipient."""
    stub = RecipientServiceStub(session.channel)
    response = await session.ask(stub.GetRecipient, GetRecipientRequest(recipient_id=recipient_id))
    session.output.answer(response, lambda: _show(session.output, response.recipient))


@command(app, "list")
async def list_recipients(
    session: Session,
    prefix: Annotated[str, typer.Option(help="Only ids that begin so.")] = "",
    email: Annotated[str, typer.Option(help="Only who has this address, whatever its case.")] = "",
    phone_number: Annotated[str, typer.Option(help="Only who has this number.")] = "",
    limit: LimitOption = 100,
    page_token: PageTokenOption = "",
    everything: AllOption = False,
) -> None:
    """List recipients by id."""
    stub = RecipientServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListRecipientsResponse:
        request = ListRecipientsRequest(
            page_size=size,
            page_token=token,
            id_prefix=prefix,
            email=email,
            phone_number=phone_number,
        )
        return await session.ask(stub.ListRecipients, request)

    page = await read_list(
        session.output,
        ask,
        lambda page: len(page.recipients),
        limit=limit,
        page_token=page_token,
        everything=everything,
    )
    session.output.answer(page, lambda: _show_list(session.output, page))


def _show(output: Output, recipient: Recipient) -> None:
    output.columns(
        [
            ("recipient", recipient.recipient_id),
            ("emails", ", ".join(recipient.emails) or "-"),
            ("phone numbers", ", ".join(recipient.phone_numbers) or "-"),
            ("locale", recipient.locale),
            ("time zone", recipient.time_zone),
            ("webhook url", recipient.webhook_url or "-"),
            *_gone(recipient),
            ("created", show_time(recipient.create_time)),
            ("changed", show_time(recipient.update_time)),
            ("etag", recipient.etag),
        ]
    )


def _gone(recipient: Recipient) -> list[tuple[str, str]]:
    if not recipient.HasField("webhook_gone_time"):
        return []
    since = show_time(recipient.webhook_gone_time)
    return [("", f"gone: it answered 410 at {since}; `update --webhook-url URL` opens it")]


def _show_list(output: Output, page: ListRecipientsResponse) -> None:
    output.columns(
        [
            (
                recipient.recipient_id,
                recipient.locale,
                recipient.time_zone,
                ", ".join(_contact_points(recipient)) or "-",
            )
            for recipient in page.recipients
        ],
        header=("RECIPIENT", "LOCALE", "ZONE", "CONTACT POINTS"),
    )
    output.more(page.next_page_token)


def _contact_points(recipient: Recipient) -> list[str]:
    webhook = [recipient.webhook_url] if recipient.webhook_url else []
    return [*recipient.emails, *recipient.phone_numbers, *webhook]
