"""`tidings inbox`: a recipient's inbox without a stream."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command import command
from cli.errors import CommandError
from cli.output import Output
from cli.paging import LimitOption, PageTokenOption, read_pages
from cli.session import Session
from cli.times import show_time
from tidings.inbox.v1.inbox_service_pb2 import (
    ListInboxItemsRequest,
    ListInboxItemsResponse,
    MarkReadRequest,
    MarkReadResponse,
)
from tidings.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub

app = typer.Typer(
    help="A recipient's inbox without a stream.", no_args_is_help=True, add_completion=False
)
RecipientId = Annotated[str, typer.Argument(metavar="RECIPIENT")]


@command(app, "list")
async def list_items(
    session: Session,
    recipient_id: RecipientId,
    unread: Annotated[
        bool, typer.Option("--unread", metavar="", help="Only items not read.")
    ] = False,
    limit: LimitOption = 50,
    page_token: PageTokenOption = "",
) -> None:
    """List items, newest first."""
    stub = InboxServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListInboxItemsResponse:
        request = ListInboxItemsRequest(
            recipient_id=recipient_id, page_size=size, page_token=token, unread_only=unread
        )
        return await session.ask(stub.ListInboxItems, request)

    page = await read_pages(ask, limit=limit, page_token=page_token)
    session.output.answer(page, lambda: _show(session.output, page))


@command(app, "read")
async def read(
    session: Session,
    recipient_id: RecipientId,
    items: Annotated[list[str], typer.Argument(metavar="ITEM...", help="Ids of the items.")],
) -> None:
    """Mark items as read; each open stream sees it. Fails when none of them is there."""
    stub = InboxServiceStub(session.channel)
    request = MarkReadRequest(recipient_id=recipient_id, item_ids=list(dict.fromkeys(items)))
    response = await session.ask(stub.MarkRead, request)
    if not response.items:
        verb = "is" if len(request.item_ids) == 1 else "are"
        absent = ", ".join(request.item_ids)
        raise CommandError(
            f"{absent} {verb} not in this inbox", hint=f"`tidings inbox list {recipient_id}`"
        )
    session.output.answer(response, lambda: _show_read(session.output, items, response))


def _show(output: Output, page: ListInboxItemsResponse) -> None:
    output.line(f"{page.counts.unread} unread of {page.counts.total}")
    rows = [
        (
            item.item_id,
            show_time(item.create_time),
            "read" if item.HasField("read_time") else "new",
            item.title,
        )
        for item in page.items
    ]
    if rows:
        output.columns(rows, header=("ITEM", "CAME", "STATE", "TITLE"))
    output.more(page.next_page_token)


def _show_read(output: Output, asked: list[str], response: MarkReadResponse) -> None:
    read = {item.item_id for item in response.items}
    for item in response.items:
        output.line(f"read  {item.item_id}  {item.title}")
    for item_id in dict.fromkeys(asked):
        if item_id not in read:
            output.note(f"{item_id} is not in this inbox")
    output.line(f"{response.counts.unread} unread of {response.counts.total}")
