"""Reads lists page by page up to a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol, Self, TypeVar

import typer

PAGE_SIZE = 200

LimitOption = Annotated[int, typer.Option(min=1, help="Greatest number to list.")]
PageTokenOption = Annotated[
    str, typer.Option(metavar="TOKEN", help="Go on after a list that was cut.")
]


class Page(Protocol):
    """An answer of a List method."""

    next_page_token: str

    def MergeFrom(self, other_msg: Self, /) -> None:  # noqa: N802 - protobuf's name
        """Appends what repeats."""


PageT = TypeVar("PageT", bound=Page)


async def read_pages(
    ask: Callable[[int, str], Awaitable[PageT]], *, limit: int, page_token: str = ""
) -> PageT:
    """Asks with page size and page token until `limit` or the end; returns all as one answer."""
    size = min(limit, PAGE_SIZE)
    page = await ask(size, page_token)
    whole, remaining = page, limit - size
    while whole.next_page_token and remaining > 0:
        size = min(remaining, PAGE_SIZE)
        page = await ask(size, whole.next_page_token)
        whole.next_page_token = ""
        whole.MergeFrom(page)
        remaining -= size
    return whole
