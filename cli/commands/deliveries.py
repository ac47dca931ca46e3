"""`tidings deliveries`: what became of deliveries."""

from __future__ import annotations

from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli.command import command
from cli.filters import CategoryOption, ChannelOption, SinceOption, ToOption, UntilOption
from cli.names import CHANNELS, DELIVERY_STATES, FACT_TYPES, INTERVALS
from cli.output import Output
from cli.paging import LimitOption, PageTokenOption, read_pages
from cli.session import Session
from cli.times import parse_past_moment, show_time
from tidings.common.v1.channel_pb2 import Channel
from tidings.dispatch.v1.delivery_pb2 import DeliveryState
from tidings.tracking.v1.report_service_pb2 import (
    CountDeliveriesRequest,
    CountDeliveriesResponse,
    CountInterval,
    DeliveryCount,
    ListDeliveriesRequest,
    ListDeliveriesResponse,
)
from tidings.tracking.v1.report_service_pb2_grpc import ReportServiceStub

app = typer.Typer(
    help="What became of deliveries, moments behind.", no_args_is_help=True, add_completion=False
)


@command(app, "list")
async def list_deliveries(
    session: Session,
    to: ToOption = "",
    category: CategoryOption = "",
    channel: ChannelOption = None,
    state: Annotated[
        list[DeliveryState.ValueType] | None,
        typer.Option(
            parser=DELIVERY_STATES.parse,
            metavar=DELIVERY_STATES.metavar,
            help="Only in this state; may be given again.",
        ),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = 50,
    page_token: PageTokenOption = "",
) -> None:
    """List deliveries, by the acceptance of their notification, newest first."""
    stub = ReportServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListDeliveriesResponse:
        request = ListDeliveriesRequest(
            page_size=size,
            page_token=token,
            recipient_id=to,
            category=category,
            channel=channel or Channel.CHANNEL_UNSPECIFIED,
            states=state or [],
            accept_time_from=since,
            accept_time_until=until,
        )
        return await session.ask(stub.ListDeliveries, request)

    page = await read_pages(ask, limit=limit, page_token=page_token)
    session.output.answer(page, lambda: _show_list(session.output, page))


@command(app, "count")
async def count(
    session: Session,
    by: Annotated[
        CountInterval.ValueType | None,
        typer.Option(
            parser=INTERVALS.parse,
            metavar=INTERVALS.metavar,
            show_default="hour",
            help="Width of a count, in UTC.",
        ),
    ] = None,
    category: CategoryOption = "",
    channel: ChannelOption = None,
    template: Annotated[str, typer.Option(metavar="NAME", help="Only with this template.")] = "",
    start: Annotated[
        Timestamp | None,
        typer.Option(
            parser=parse_past_moment,
            metavar="TIME",
            show_default="24 hours or 30 days before the end",
            help="From then on: a whole hour or day.",
        ),
    ] = None,
    end: Annotated[
        Timestamp | None,
        typer.Option(
            parser=parse_past_moment,
            metavar="TIME",
            show_default="now",
            help="Up to then: a whole hour or day.",
        ),
    ] = None,
) -> None:
    """Count deliveries by acceptance, category, channel and template, and what is known of them."""
    stub = ReportServiceStub(session.channel)
    request = CountDeliveriesRequest(
        start_time=start,
        end_time=end,
        interval=by or CountInterval.COUNT_INTERVAL_HOUR,
        category=category,
        channel=channel or Channel.CHANNEL_UNSPECIFIED,
        template_name=template,
    )
    response = await session.ask(stub.CountDeliveries, request)
    session.output.answer(response, lambda: _show_counts(session.output, response))


def _show_list(output: Output, page: ListDeliveriesResponse) -> None:
    output.columns(
        [
            (
                delivery.delivery_id,
                show_time(delivery.accept_time),
                DELIVERY_STATES.name(delivery.state),
                CHANNELS.name(delivery.channel),
                delivery.recipient_id,
                delivery.category,
                delivery.provider or "-",
                str(delivery.attempts),
                delivery.notification_id,
            )
            for delivery in page.deliveries
        ],
        header=(
            "DELIVERY",
            "ACCEPTED",
            "STATE",
            "CHANNEL",
            "TO",
            "ABOUT",
            "PROVIDER",
            "TRIES",
            "NOTIFICATION",
        ),
    )
    output.more(page.next_page_token)


def _show_counts(output: Output, response: CountDeliveriesResponse) -> None:
    output.columns(
        [
            (
                show_time(count.start_time),
                count.category,
                CHANNELS.name(count.channel),
                count.template_name,
                _show_count(count),
            )
            for count in response.counts
        ],
        header=("FROM", "ABOUT", "CHANNEL", "TEMPLATE", "COUNTS"),
    )
    if response.truncated:
        output.note("there is more than is shown: narrow the time, or name a category")


def _show_count(count: DeliveryCount) -> str:
    words = [f"{DELIVERY_STATES.name(state.state)} {state.count}" for state in count.states]
    words += [f"{FACT_TYPES.name(fact.type)} {fact.count}" for fact in count.facts]
    return "  ".join(words)
