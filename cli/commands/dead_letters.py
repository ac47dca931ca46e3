"""`tidings dead-letters`: what could not be worked on."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command import command
from cli.names import CHANNELS, DEAD_LETTER_REASONS
from cli.output import Output
from cli.paging import LimitOption, PageTokenOption, read_pages
from cli.session import Session
from cli.times import show_time
from tidings.common.v1.channel_pb2 import Channel
from tidings.dispatch.v1.dead_letter_service_pb2 import (
    DeadLetterReason,
    ListDeadLettersRequest,
    ListDeadLettersResponse,
)
from tidings.dispatch.v1.dead_letter_service_pb2_grpc import DeadLetterServiceStub

app = typer.Typer(help="What could not be worked on.", no_args_is_help=True, add_completion=False)


@app.callback()
def root() -> None:
    """What could not be worked on."""
    # Keeps `list` a command of its own while it is the only one.


@command(app, "list")
async def list_dead_letters(
    session: Session,
    reason: Annotated[
        DeadLetterReason.ValueType | None,
        typer.Option(
            parser=DEAD_LETTER_REASONS.parse,
            metavar=DEAD_LETTER_REASONS.metavar,
            help="Only this reason.",
        ),
    ] = None,
    channel: Annotated[
        Channel.ValueType | None,
        typer.Option(parser=CHANNELS.parse, metavar=CHANNELS.metavar, help="Only this channel."),
    ] = None,
    limit: LimitOption = 50,
    page_token: PageTokenOption = "",
) -> None:
    """List dead letters, newest first."""
    stub = DeadLetterServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListDeadLettersResponse:
        return await session.ask(
            stub.ListDeadLetters,
            ListDeadLettersRequest(
                page_size=size,
                page_token=token,
                reason=reason or DeadLetterReason.DEAD_LETTER_REASON_UNSPECIFIED,
                channel=channel or Channel.CHANNEL_UNSPECIFIED,
            ),
        )

    page = await read_pages(ask, limit=limit, page_token=page_token)
    session.output.answer(page, lambda: _show(session.output, page))


def _show(output: Output, page: ListDeadLettersResponse) -> None:
    output.columns(
        [
            (
                letter.dead_letter_id,
                show_time(letter.create_time),
                DEAD_LETTER_REASONS.name(letter.reason),
                CHANNELS.name(letter.channel),
                letter.notification_id or "-",
                f"{letter.body_size} B",
                " ".join(letter.detail.split()),
            )
            for letter in page.dead_letters
        ],
        header=("LETTER", "TIME", "REASON", "CHANNEL", "NOTIFICATION", "SIZE", "DETAIL"),
    )
    output.more(page.next_page_token)
