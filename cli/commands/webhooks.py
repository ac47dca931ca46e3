"""`tidings webhooks`: the secrets that sign them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import uuid4

import typer

from cli.command import command
from cli.durations import parse_duration, to_proto
from cli.errors import Refused
from cli.output import Output
from cli.session import Session
from cli.times import show_time
from tidings.dispatch.v1.webhook_service_pb2 import (
    GetWebhookSecretsRequest,
    GetWebhookSecretsResponse,
    RotateWebhookSecretsRequest,
)
from tidings.dispatch.v1.webhook_service_pb2_grpc import WebhookServiceStub
from tidings.preference.v1.recipient_service_pb2 import GetRecipientRequest
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceStub

app = typer.Typer(
    help="The secrets that sign webhooks.", no_args_is_help=True, add_completion=False
)


@command(app, "secrets")
async def secrets(
    session: Session,
    recipient_id: Annotated[str, typer.Argument(metavar="RECIPIENT")],
) -> None:
    """Print the secrets with which a recipient's webhooks are signed, the newest first."""
    await _refuse_unknown(session, recipient_id)
    stub = WebhookServiceStub(session.channel)
    response = await session.ask(
        stub.GetWebhookSecrets, GetWebhookSecretsRequest(recipient_id=recipient_id)
    )
    session.output.answer(response, lambda: _show(session.output, response))


@command(app, "rotate")
async def rotate(
    session: Session,
    overlap: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="SPAN",
            show_default="24h",
            help="How long the secrets of today go on signing; 0s for secrets that leaked.",
        ),
    ] = None,
) -> None:
    """Give every recipient a new secret."""
    # With an id the call may be repeated, and still rotates once.
    request = RotateWebhookSecretsRequest(request_id=str(uuid4()))
    if overlap is not None:
        request.overlap.CopyFrom(to_proto(overlap))
    stub = WebhookServiceStub(session.channel)
    response = await session.ask(stub.RotateWebhookSecrets, request)
    end = show_time(response.overlap_end_time)
    session.output.answer(
        response, lambda: session.output.line(f"rotated; the secrets of before sign until {end}")
    )


async def _refuse_unknown(session: Session, recipient_id: str) -> None:
    """A secret can be derived for any id, so that of a mistyped one would only be found not to fit."""
    recipients = RecipientServiceStub(session.channel)
    try:
        await session.ask(recipients.GetRecipient, GetRecipientRequest(recipient_id=recipient_id))
    except Refused as error:
        # A key for webhooks only may not look.
        if error.reason != "SCOPE_MISSING":
            raise


def _show(output: Output, response: GetWebhookSecretsResponse) -> None:
    for secret in response.secrets:
        if secret.HasField("expire_time"):
            output.note(f"signs until {show_time(secret.expire_time)}:")
        output.line(secret.secret)
