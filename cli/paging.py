"""Reads lists page by page, up to a limit or to the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol, Self, TypeVar

import typer

from cli.output import Output

PAGE_SIZE = 200

LimitOption = Annotated[int, typer.Option(min=1, help="Greatest number to list.")]
PageTokenOption = Annotated[
    str, typer.Option(metavar="TOKEN", help="Go on after a list that was cut.")
]
AllOption = Annotated[
    bool, typer.Option("--all", metavar="", help="List all there are, whatever the limit.")
]


class Page(Protocol):
    """An answer of a List method."""

    next_page_token: str

    def MergeFrom(self, other_msg: Self, /) -> None:  # noqa: N802 - protobuf's name
        """Appends what repeats."""


PageT = TypeVar("PageT", bound=Page)


async def read_pages(
    ask: Callable[[int, str], Awaitable[PageT]], *, limit: int | None, page_token: str = ""
) -> PageT:
    """Asks with page size and page token until `limit` or the end; returns all as one answer.

    Without a limit only the end counts.
    """
    size = _page_size(limit)
    whole = await ask(size, page_token)
    remaining = None if limit is None else limit - size
    while whole.next_page_token and remaining != 0:
        size = _page_size(remaining)
        page = await ask(size, whole.next_page_token)
        whole.next_page_token = ""
        whole.MergeFrom(page)
        remaining = None if remaining is None else remaining - size
    return whole


async def read_list(
    output: Output,
    ask: Callable[[int, str], Awaitable[PageT]],
    count: Callable[[PageT], int],
    *,
    limit: int,
    page_token: str,
    everything: bool,
) -> PageT:
    """Reads pages as `--limit`, `--page-token` and `--all` say; a long list shows how far it is."""
    if not everything and limit <= PAGE_SIZE:
        return await read_pages(ask, limit=limit, page_token=page_token)
    with output.counter("read") as advance:

        async def counted(size: int, token: str) -> PageT:
            page = await ask(size, token)
            advance(count(page))
            return page

        return await read_pages(counted, limit=None if everything else limit, page_token=page_token)


def _page_size(wanted: int | None) -> int:
    return PAGE_SIZE if wanted is None else min(wanted, PAGE_SIZE)
