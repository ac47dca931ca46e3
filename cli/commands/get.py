"""`tidings get`: a notification, with what became of it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command import command
from cli.session import Session
from cli.waterfall import draw
from tidings.ingestion.v1.ingestion_service_pb2 import GetNotificationRequest
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub

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
    session.output.answer(response, lambda: draw(response.notification, session.output.console))
