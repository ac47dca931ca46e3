"""`tidings recipients`: who is notified."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command import command
from cli.output import Output
from cli.paging import LimitOption, PageTokenOption, read_pages
from cli.session import Session
from cli.times import show_time
from tidings.preference.v1.recipient_service_pb2 import (
    GetRecipientRequest,
    ListRecipientsRequest,
    ListRecipientsResponse,
    Recipient,
    UpsertRecipientRequest,
)
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceStub

app = typer.Typer(help="Who is notified.", no_args_is_help=True, add_completion=False)
RecipientId = Annotated[str, typer.Argument(metavar="RECIPIENT", help="Your own id of somebody.")]


@command(app, "put")
async def put(
    session: Session,
    recipient_id: RecipientId,
    email: Annotated[
        list[str] | None, typer.Option(help="A mail address; the first is preferred.")
    ] = None,
    phone: Annotated[
        list[str] | None, typer.Option(help="A number such as +4915112345678.")
    ] = None,
    locale: Annotated[
        str, typer.Option(show_default="en", help="A language tag such as pt-BR.")
    ] = "",
    zone: Annotated[
        str, typer.Option(show_default="UTC", help="A time zone such as Europe/Berlin.")
    ] = "",
) -> None:
    """Store a recipient, whole: what is not given is forgotten."""
    recipient = Recipient(
        recipient_id=recipient_id,
        emails=email or [],
        phone_numbers=phone or [],
        locale=locale,
        time_zone=zone,
    )
    stub = RecipientServiceStub(session.channel)
    response = await session.ask(stub.UpsertRecipient, UpsertRecipientRequest(recipient=recipient))
    session.output.answer(
        response, lambda: session.output.line(f"recipient {response.recipient.recipient_id} stored")
    )


@command(app, "get")
async def get(session: Session, recipient_id: RecipientId) -> None:
    """Show a recipient."""
    stub = RecipientServiceStub(session.channel)
    response = await session.ask(stub.GetRecipient, GetRecipientRequest(recipient_id=recipient_id))
    session.output.answer(response, lambda: _show(session.output, response.recipient))


@command(app, "list")
async def list_recipients(
    session: Session, limit: LimitOption = 100, page_token: PageTokenOption = ""
) -> None:
    """List recipients by id."""
    stub = RecipientServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListRecipientsResponse:
        return await session.ask(
            stub.ListRecipients, ListRecipientsRequest(page_size=size, page_token=token)
        )

    page = await read_pages(ask, limit=limit, page_token=page_token)
    session.output.answer(page, lambda: _show_list(session.output, page))


def _show(output: Output, recipient: Recipient) -> None:
    output.columns(
        [
            ("recipient", recipient.recipient_id),
            ("emails", ", ".join(recipient.emails) or "-"),
            ("phones", ", ".join(recipient.phone_numbers) or "-"),
            ("locale", recipient.locale),
            ("time zone", recipient.time_zone),
            ("created", show_time(recipient.create_time)),
            ("changed", show_time(recipient.update_time)),
        ]
    )


def _show_list(output: Output, page: ListRecipientsResponse) -> None:
    output.columns(
        [
            (
                recipient.recipient_id,
                recipient.locale,
                recipient.time_zone,
                ", ".join([*recipient.emails, *recipient.phone_numbers]) or "-",
            )
            for recipient in page.recipients
        ],
        header=("RECIPIENT", "LOCALE", "ZONE", "CONTACT POINTS"),
    )
    output.more(page.next_page_token)
