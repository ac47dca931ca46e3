"""`tidings categories`: what notifications are about."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from cli.command import command
from cli.durations import parse_duration, show_duration, to_proto
from cli.names import CHANNELS, CLASSES, GUARANTEES, PRIORITIES
from cli.output import Output
from cli.paging import LimitOption, PageTokenOption, read_pages
from cli.session import Session
from cli.times import show_time
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.preference.v1.category_service_pb2 import (
    Category,
    CategoryClass,
    GetCategoryRequest,
    Guarantee,
    ListCategoriesRequest,
    ListCategoriesResponse,
    UpsertCategoryRequest,
)
from tidings.preference.v1.category_service_pb2_grpc import CategoryServiceStub

app = typer.Typer(help="What notifications are about.", no_args_is_help=True, add_completion=False)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Dotted, such as order.shipped.")]


@command(app, "put")
async def put(
    session: Session,
    name: Name,
    class_: Annotated[
        CategoryClass.ValueType,
        typer.Option("--class", parser=CLASSES.parse, metavar=CLASSES.metavar, help="Its kind."),
    ],
    channel: Annotated[
        list[Channel.ValueType],
        typer.Option(
            parser=CHANNELS.parse,
            metavar=CHANNELS.metavar,
            help="Channel of sends that name none; repeat it.",
        ),
    ],
    priority: Annotated[
        Priority.ValueType | None,
        typer.Option(
            parser=PRIORITIES.parse,
            metavar=PRIORITIES.metavar,
            show_default="normal",
            help="Of sends that give none.",
        ),
    ] = None,
    ttl: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="SPAN",
            show_default="3d",
            help="How long it is worth delivering, such as 12h.",
        ),
    ] = None,
    guarantee: Annotated[
        Guarantee.ValueType | None,
        typer.Option(
            parser=GUARANTEES.parse,
            metavar=GUARANTEES.metavar,
            show_default="at_least_once",
            help="When nobody can say whether it left.",
        ),
    ] = None,
) -> None:
    """Store a category, whole."""
    category = Category(
        name=name,
        channels=channel,
        priority=priority or Priority.PRIORITY_UNSPECIFIED,
        guarantee=guarantee or Guarantee.GUARANTEE_UNSPECIFIED,
    )
    setattr(category, "class", class_)
    if ttl is not None:
        category.ttl.CopyFrom(to_proto(ttl))
    stub = CategoryServiceStub(session.channel)
    response = await session.ask(stub.UpsertCategory, UpsertCategoryRequest(category=category))
    session.output.answer(
        response, lambda: session.output.line(f"category {response.category.name} stored")
    )


@command(app, "get")
async def get(session: Session, name: Name) -> None:
    """Show a category."""
    stub = CategoryServiceStub(session.channel)
    response = await session.ask(stub.GetCategory, GetCategoryRequest(name=name))
    session.output.answer(response, lambda: _show(session.output, response.category))


@command(app, "list")
async def list_categories(
    session: Session, limit: LimitOption = 100, page_token: PageTokenOption = ""
) -> None:
    """List categories by name."""
    stub = CategoryServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListCategoriesResponse:
        return await session.ask(
            stub.ListCategories, ListCategoriesRequest(page_size=size, page_token=token)
        )

    page = await read_pages(ask, limit=limit, page_token=page_token)
    session.output.answer(page, lambda: _show_list(session.output, page))


def _show(output: Output, category: Category) -> None:
    output.columns(
        [
            ("category", category.name),
            ("class", CLASSES.name(_class_of(category))),
            ("channels", CHANNELS.names(category.channels)),
            ("priority", PRIORITIES.name(category.priority)),
            ("ttl", show_duration(category.ttl)),
            ("guarantee", GUARANTEES.name(category.guarantee)),
            ("created", show_time(category.create_time)),
            ("changed", show_time(category.update_time)),
        ]
    )


def _show_list(output: Output, page: ListCategoriesResponse) -> None:
    output.columns(
        [
            (
                category.name,
                CLASSES.name(_class_of(category)),
                PRIORITIES.name(category.priority),
                show_duration(category.ttl),
                CHANNELS.names(category.channels),
            )
            for category in page.categories
        ],
        header=("CATEGORY", "CLASS", "PRIORITY", "TTL", "CHANNELS"),
    )
    output.more(page.next_page_token)


def _class_of(category: Category) -> int:
    # The contract's field is a word of Python.
    number: int = getattr(category, "class")
    return number
