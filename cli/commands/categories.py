"""`tidings categories`: what notifications are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from cli.changing import EtagOption, RequestIdOption, mask_of, parse_choice
from cli.command import command
from cli.durations import parse_duration, show_duration, to_proto
from cli.names import CHANNELS, CLASSES, GUARANTEES, PRIORITIES
from cli.output import Output
from cli.paging import AllOption, LimitOption, PageTokenOption, read_list
from cli.session import Session
from cli.times import show_time
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.preference.v1.category_service_pb2 import (
    Category,
    CategoryClass,
    DeleteCategoryRequest,
    GetCategoryRequest,
    Guarantee,
    ListCategoriesRequest,
    ListCategoriesResponse,
    UpdateCategoryRequest,
    UpsertCategoryRequest,
)
from tidings.preference.v1.category_service_pb2_grpc import CategoryServiceStub

app = typer.Typer(help="What notifications are about.", no_args_is_help=True, add_completion=False)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Dotted, such as order.shipped.")]


_CLEARABLE = ("priority", "ttl", "guarantee")
_CHANNEL = typer.Option(
    parser=CHANNELS.parse,
    metavar=CHANNELS.metavar,
    help="Channel of sends that name none; repeat it.",
)
PriorityOption = Annotated[
    Priority.ValueType | None,
    typer.Option(
        parser=PRIORITIES.parse,
        metavar=PRIORITIES.metavar,
        help="Of sends that give none; normal unless it is set.",
    ),
]
TtlOption = Annotated[
    timedelta | None,
    typer.Option(
        parser=parse_duration,
        metavar="SPAN",
        help="How long it is worth delivering, such as 12h; 3d unless it is set.",
    ),
]
GuaranteeOption = Annotated[
    Guarantee.ValueType | None,
    typer.Option(
        parser=GUARANTEES.parse,
        metavar=GUARANTEES.metavar,
        help="When nobody can say whether it left; at_least_once unless it is set.",
    ),
]


@command(app, "put")
async def put(
    session: Session,
    name: Name,
    class_: Annotated[
        CategoryClass.ValueType,
        typer.Option("--class", parser=CLASSES.parse, metavar=CLASSES.metavar, help="Its kind."),
    ],
    channel: Annotated[list[Channel.ValueType], _CHANNEL],
    priority: PriorityOption = None,
    ttl: TtlOption = None,
    guarantee: GuaranteeOption = None,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Store a category, whole."""
    category = _category(name, class_, channel, priority, ttl, guarantee, etag)
    stub = CategoryServiceStub(session.channel)
    request = UpsertCategoryRequest(category=category, request_id=request_id)
    response = await session.ask(stub.UpsertCategory, request)
    session.output.answer(
        response, lambda: session.output.line(f"category {response.category.name} stored")
    )


@command(app, "update")
async def update(
    session: Session,
    name: Name,
    class_: Annotated[
        CategoryClass.ValueType | None,
        typer.Option("--class", parser=CLASSES.parse, metavar=CLASSES.metavar, help="Its kind."),
    ] = None,
    channel: Annotated[list[Channel.ValueType] | None, _CHANNEL] = None,
    priority: PriorityOption = None,
    ttl: TtlOption = None,
    guarantee: GuaranteeOption = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(
            parser=parse_choice(_CLEARABLE),
            metavar="|".join(_CLEARABLE),
            help="What gets its default again; repeat it.",
        ),
    ] = None,
    etag: EtagOption = "",
    request_id: RequestIdOption = "",
) -> None:
    """Change some fields of a category; what is not given stays."""
    given = {
        "category_class": class_,
        "channels": channel,
        "priority": priority,
        "ttl": ttl,
        "guarantee": guarantee,
    }
    mask = mask_of(
        given,
        clear or [],
        options="--class, --channel, --priority, --ttl, --guarantee and --clear",
    )
    category = _category(name, class_, channel, priority, ttl, guarantee, etag)
    stub = CategoryServiceStub(session.channel)
    request = UpdateCategoryRequest(category=category, update_mask=mask, request_id=request_id)
    response = await session.ask(stub.UpdateCategory, request)
    session.output.answer(response, lambda: _show(session.output, response.category))


@command(app, "delete")
async def delete(
    session: Session, name: Name, etag: EtagOption = "", request_id: RequestIdOption = ""
) -> None:
    """Delete a category with the preferences about it; what waits in it is refused."""
    stub = CategoryServiceStub(session.channel)
    request = DeleteCategoryRequest(name=name, etag=etag, request_id=request_id)
    response = await session.ask(stub.DeleteCategory, request)
    session.output.answer(response, lambda: session.output.line(f"category {name} deleted"))


@command(app, "get")
async def get(session: Session, name: Name) -> None:
    """Show a category."""
    stub = CategoryServiceStub(session.channel)
    response = await session.ask(stub.GetCategory, GetCategoryRequest(name=name))
    session.output.answer(response, lambda: _show(session.output, response.category))


@command(app, "list")
async def list_categories(
    session: Session,
    prefix: Annotated[str, typer.Option(help="Only names that begin so.")] = "",
    class_: Annotated[
        CategoryClass.ValueType | None,
        typer.Option(
            "--class", parser=CLASSES.parse, metavar=CLASSES.metavar, help="Only of this kind."
        ),
    ] = None,
    limit: LimitOption = 100,
    page_token: PageTokenOption = "",
    everything: AllOption = False,
) -> None:
    """List categories by name."""
    stub = CategoryServiceStub(session.channel)

    async def ask(size: int, token: str) -> ListCategoriesResponse:
        request = ListCategoriesRequest(page_size=size, page_token=token, name_prefix=prefix)
        # The contract's field is a word of Python.
        request.category_class = class_ or CategoryClass.CATEGORY_CLASS_UNSPECIFIED
        return await session.ask(stub.ListCategories, request)

    page = await read_list(
        session.output,
        ask,
        lambda page: len(page.categories),
        limit=limit,
        page_token=page_token,
        everything=everything,
    )
    session.output.answer(page, lambda: _show_list(session.output, page))


def _category(
    name: str,
    class_: CategoryClass.ValueType | None,
    channels: Sequence[Channel.ValueType] | None,
    priority: Priority.ValueType | None,
    ttl: timedelta | None,
    guarantee: Guarantee.ValueType | None,
    etag: str,
) -> Category:
    """Returns the category with what was given."""
    category = Category(
        name=name,
        channels=channels or [],
        priority=priority or Priority.PRIORITY_UNSPECIFIED,
        guarantee=guarantee or Guarantee.GUARANTEE_UNSPECIFIED,
        etag=etag,
    )
    # The contract's field is a word of Python.
    category.category_class = class_ or CategoryClass.CATEGORY_CLASS_UNSPECIFIED
    if ttl is not None:
        category.ttl.CopyFrom(to_proto(ttl))
    return category


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
            ("etag", category.etag),
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
    number: int = category.category_class
    return number
