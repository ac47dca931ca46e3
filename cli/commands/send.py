"""`tidings send`: notify somebody."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import uuid4

import typer
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from cli.acceptance import describe
from cli.command import command
from cli.configuration import DEFAULT_LOCATION
from cli.durations import parse_duration, to_proto
from cli.errors import CommandError, Misused, Refused
from cli.names import CHANNELS, PRIORITIES
from cli.output import Output
from cli.retrying import ask_again, may_pass
from cli.session import Session
from cli.times import parse_moment, show_clock
from cli.variables import parse_pairs, parse_variables
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.ingestion.v1.ingestion_service_pb2 import (
    SendNotificationRequest,
    SendNotificationResponse,
    TemplateReference,
)
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.template.v1.template_service_pb2 import GetTemplateRequest
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

app = typer.Typer(add_completion=False)


@command(app, "send")
async def send(
    session: Session,
    to: Annotated[str, typer.Option(metavar="RECIPIENT", help="Who is notified.")],
    template: Annotated[str, typer.Option(metavar="NAME", help="What it says.")],
    version: Annotated[
        int, typer.Option(min=0, show_default="the newest", help="Of the template.")
    ] = 0,
    var: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A variable: 42, 0.5, true, null, [..] and {..} are taken as JSON, all else"
            " (also 007, 12.50) as text; repeat it.",
        ),
    ] = None,
    string: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A variable that is text whatever it looks like."),
    ] = None,
    category: Annotated[
        str | None, typer.Option(show_default="as cli.toml says", help="What it is about.")
    ] = None,
    channel: Annotated[
        list[Channel.ValueType] | None,
        typer.Option(
            parser=CHANNELS.parse,
            metavar=CHANNELS.metavar,
            show_default="as preferred",
            help="A channel to use; repeat it.",
        ),
    ] = None,
    priority: Annotated[
        Priority.ValueType | None,
        typer.Option(
            parser=PRIORITIES.parse,
            metavar=PRIORITIES.metavar,
            show_default="the category's",
            help="How urgent it is.",
        ),
    ] = None,
    meta: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A label of your own; repeat it."),
    ] = None,
    request_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Repeating it repeats the answer, not the sending."),
    ] = None,
    at: Annotated[
        Timestamp | None,
        typer.Option(
            parser=parse_moment,
            metavar="TIME",
            show_default="at once",
            help="Not before then: 2026-10-30T09:00:00Z, or a span from now such as 15m.",
        ),
    ] = None,
    ttl: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="SPAN",
            show_default="the category's",
            help="How long it is worth delivering, such as 12h.",
        ),
    ] = None,
    collapse_key: Annotated[
        str,
        typer.Option(
            metavar="KEY",
            help="What it is the latest word on; it amends an earlier one of the same key.",
        ),
    ] = "",
    within: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Try again that long.")
    ] = 10.0,
) -> None:
    """Notify a recipient, and say when that is durably accepted."""
    request = SendNotificationRequest(
        request_id=request_id or str(uuid4()),
        recipient_id=to,
        category=category or await _category_of(session, template, version),
        template=TemplateReference(name=template, version=version),
        channels=channel or [],
        priority=priority or Priority.PRIORITY_UNSPECIFIED,
        metadata=parse_pairs(meta or [], "--meta"),
        send_time=at,
        ttl=None if ttl is None else to_proto(ttl),
        collapse_key=collapse_key,
    )
    if variables := parse_variables(var or [], string or []):
        request.template.variables.CopyFrom(_struct(variables))
    stub = IngestionServiceStub(session.plain_channel)
    try:
        response = await ask_again(session, stub.SendNotification, request, within=within)
    except CommandError as error:
        if may_pass(error):
            error.hint = f"repeat it with {_same(request)}; it is not sent twice then"
        raise
    session.output.answer(response, lambda: _show(session.output, request, response))


async def _category_of(session: Session, template: str, version: int) -> str:
    """The category that cli.toml gives to sends with this template; raises CommandError."""
    category = session.configuration.categories.get(template)
    if category is not None:
        return category
    if session.settings.file is None and session.settings.api_key is None:
        raise Misused(
            f"no configuration: there is no {DEFAULT_LOCATION} from here upward",
            hint="run this in the directory of `tidings run`,"
            " or give --config, or --address, --api-key and --category",
        )
    await _refuse_unknown(session, template, version)
    listed = f"{session.settings.file or DEFAULT_LOCATION}"
    raise Misused(
        f"the category of template {template} is not known",
        hint=f"give --category NAME, or list the template under [categories] in {listed};"
        " `tidings categories list` shows what there is",
    )


async def _refuse_unknown(session: Session, template: str, version: int) -> None:
    """A misspelt name is the likelier reason; raises what the server says about it."""
    stub = TemplateServiceStub(session.channel)
    try:
        await session.ask(stub.GetTemplate, GetTemplateRequest(name=template, version=version))
    except Refused as error:
        # The key need not be one that may look at templates.
        if error.reason.startswith(("TEMPLATE_", "CREDENTIAL_", "INVALID_")):
            raise


def _struct(variables: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(variables)
    return struct


def _same(request: SendNotificationRequest) -> str:
    """Options that make the same request again; a span from now would make another."""
    same = f"--request-id {request.request_id}"
    if request.HasField("send_time"):
        same += f" --at {request.send_time.ToJsonString()}"
    return same


def _show(
    output: Output, request: SendNotificationRequest, response: SendNotificationResponse
) -> None:
    output.line(describe(request, response))
    soon = response.state != NotificationState.NOTIFICATION_STATE_SCHEDULED
    if soon and response.HasField("estimated_delivery_time") and not response.replayed:
        output.note(f"expected at {show_clock(response.estimated_delivery_time)}")
    output.note(f"`tidings get {response.notification_id}` shows its way")
