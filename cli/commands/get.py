"""`tidings get`: a notification, with what became of it."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from cli.command import command
from cli.output import Output
from cli.session import Session
from cli.waterfall import draw
from tidings.ingestion.v1.ingestion_service_pb2 import GetNotificationRequest
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from tidings.ingestion.v1.notification_pb2 import Notification, NotificationState

app = typer.Typer(add_completion=False)


@command(app, "get")
async def get(
    session: Session, notification_id: Annotated[str, typer.Argument(metavar="ID")]
) -> None:
    """Show a notification: why these channels, and a waterfall of what happened when."""
    stub = IngestionServiceStub(session.channel)
    response = await session.ask(
        stub.GetNotification, GetNotificationRequest(notification_id=notification_id)
    )
    session.output.answer(response, lambda: _show(session.output, response.notification))


def _show(output: Output, notification: Notification) -> None:
    draw(notification, output.console)
    if notification.state == NotificationState.NOTIFICATION_STATE_SUPPRESSED:
        who = shlex.quote(notification.recipient_id)
        output.note(
            f"`tidings recipients get {who}` shows where it can be reached,"
            f" `tidings preferences get {who}` what it wants"
        )
