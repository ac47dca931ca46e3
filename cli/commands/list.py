"""`tidings list`: notifications."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command import command
from cli.filters import CategoryOption, SinceOption, ToOption, UntilOption
from cli.names import NOTIFICATION_STATES
from cli.output import Output
from cli.paging import LimitOption, PageTokenOption, read_pages
from cli.session import Session
from cli.times import show_time
from tidings.ingestion.v1.ingestion_service_pb2 import (
    ListNotificationsRequest,
    ListNotificationsResponse,
)
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from tidings.ingestion.v1.notification_pb2 import NotificationState

app = typer.Typer(add_completion=False)


@command(app, "list")
async def list_notifications(
    session: Session,
    to: ToOption = "",
    category: CategoryOption = "",
    state: Annotated[
        list[NotificationState.ValueType] | None,
        typer.Option(
            parser=NOTIFICATION_STATES.parse,
            metavar=NOTIFICATION_STATES.metavar,
            help="Only in this state; may be given again.",
        ),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = 50,
    page_token: PageTokenOption = "",
) -> None:
    """List notifications, newest first."""
    stub = IngestionServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListNotificationsResponse:
        request = ListNotificationsRequest(
            page_size=size,
            page_token=token,
            recipient_id=to,
            category=category,
            states=state or [],
            accept_time_from=since,
            accept_time_until=until,
        )
        return await session.ask(stub.ListNotifications, request)

    page = await read_pages(ask, limit=limit, page_token=page_token)
    session.output.answer(page, lambda: _show(session.output, page))


def _show(output: Output, page: ListNotificationsResponse) -> None:
    output.columns(
        [
            (
                notification.notification_id,
                show_time(notification.accept_time),
                NOTIFICATION_STATES.name(notification.state),
                notification.recipient_id,
                notification.category,
                f"{notification.template.name} v{notification.template.version}",
            )
            for notification in page.notifications
        ],
        header=("NOTIFICATION", "ACCEPTED", "STATE", "TO", "ABOUT", "TEMPLATE"),
    )
    output.more(page.next_page_token)
