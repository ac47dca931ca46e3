"""`tidings tokens`: short-lived credentials of recipients' apps."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from cli.command import command
from cli.durations import parse_duration, to_proto
from cli.output import Output
from cli.session import Session
from cli.times import show_time
from tidings.access.v1.access_service_pb2 import (
    IssueRecipientTokenRequest,
    IssueRecipientTokenResponse,
)
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub

app = typer.Typer(
    help="Short-lived credentials of recipients' apps.", no_args_is_help=True, add_completion=False
)


@app.callback()
def root() -> None:
    """Short-lived credentials of recipients' apps."""
    # Keeps `issue` a command of its own while it is the only one.


@command(app, "issue")
async def issue(
    session: Session,
    recipient_id: Annotated[str, typer.Argument(metavar="RECIPIENT")],
    ttl: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration, metavar="SPAN", show_default="1h", help="Lifetime, 10s to 24h."
        ),
    ] = None,
) -> None:
    """Print a token with which a recipient's app reads its own inbox."""
    request = IssueRecipientTokenRequest(recipient_id=recipient_id)
    if ttl is not None:
        request.ttl.CopyFrom(to_proto(ttl))
    stub = AccessServiceStub(session.channel)
    response = await session.ask(stub.IssueRecipientToken, request)
    session.output.answer(response, lambda: _show(session.output, response))


def _show(output: Output, response: IssueRecipientTokenResponse) -> None:
    output.note(f"valid until {show_time(response.expire_time)}:")
    output.line(response.token)
