"""`tidings cancel`: stop what has not left yet."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command import command
from cli.errors import Misused
from cli.names import CANCELLATION_RESULTS, CHANNELS, NOTIFICATION_STATES
from cli.output import Output
from cli.session import Session
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancellationResult,
    CancelNotificationRequest,
    CancelNotificationResponse,
    CollapseTarget,
)
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from tidings.ingestion.v1.notification_pb2 import NotificationState

app = typer.Typer(add_completion=False)


@command(app, "cancel")
async def cancel(
    session: Session,
    notification_id: Annotated[
        str | None, typer.Argument(metavar="NOTIFICATION_ID", show_default=False)
    ] = None,
    request_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The one that was sent with this request id.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="RECIPIENT", help="With --collapse-key: whose.")
    ] = None,
    collapse_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="With --to: the live one of this key.")
    ] = None,
) -> None:
    """Stop what of a notification has not left yet, and say what had.

    Give one of NOTIFICATION_ID, --request-id, and --to with --collapse-key.
    """
    request = _request(notification_id, request_id, to, collapse_key)
    stub = IngestionServiceStub(session.channel)
    response = await session.ask(stub.CancelNotification, request)
    session.output.answer(response, lambda: _show(session.output, response))


def _request(
    notification_id: str | None, request_id: str | None, to: str | None, collapse_key: str | None
) -> CancelNotificationRequest:
    collapse = to if to is not None else collapse_key
    if [notification_id, request_id, collapse].count(None) != 2:
        raise Misused("give one of NOTIFICATION_ID, --request-id, and --to with --collapse-key")
    if notification_id is not None:
        return CancelNotificationRequest(notification_id=notification_id)
    if request_id is not None:
        return CancelNotificationRequest(request_id=request_id)
    if to is None or collapse_key is None:
        raise Misused("--to and --collapse-key go together")
    return CancelNotificationRequest(
        collapse=CollapseTarget(recipient_id=to, collapse_key=collapse_key)
    )


def _show(output: Output, response: CancelNotificationResponse) -> None:
    cancelled = response.state == NotificationState.NOTIFICATION_STATE_CANCELLED
    line = f"{NOTIFICATION_STATES.name(response.state)} {response.notification_id}"
    if response.revision > 1:
        line += f" (revision {response.revision})"
    output.line(line if cancelled else f"{line}: it had ended before")
    if response.deliveries:
        output.columns(
            [
                (
                    delivery.delivery_id,
                    CHANNELS.name(delivery.channel),
                    CANCELLATION_RESULTS.name(delivery.result).replace("_", " "),
                )
                for delivery in response.deliveries
            ],
            header=("DELIVERY", "CHANNEL", "RESULT"),
        )
    elif cancelled:
        output.note("nothing was planned yet, so nothing has left")
    in_flight = CancellationResult.CANCELLATION_RESULT_IN_FLIGHT
    if any(delivery.result == in_flight for delivery in response.deliveries):
        output.note(
            f"`tidings get {response.notification_id}` will show how what is in flight ends"
        )
