"""Reads feeds for many streams together: one statement a batch, whatever the number of streams."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import asyncpg

from libs.batching import Batcher
from libs.postgres.away import database
from libs.postgres.pool import Pool
from libs.postgres.queries import load_queries
from libs.values import value
from services.inbox.domain.listing import BEYOND_ALL
from services.inbox.domain.models import Counts, Head, InboxKey, Item
from services.inbox.store.rows import head_from_row, item_from_row, key_from_row

_SQL = load_queries("services.inbox")
PAGE_ITEMS = 100
PAGE_BYTES = 256 * 1024
_STREAMS_PER_BATCH = 50
_HEADS_PER_BATCH = 500


@value
class ChangesWanted:
    """Changes after a position, by their numbers."""

    key: InboxKey
    after: int
    up_to: int = BEYOND_ALL


@value
class NewestWanted:
    """Items created before a position, newest first."""

    key: InboxKey
    before: int
    most: int
    unread_only: bool = False


@value
class FeedPage:
    """A head, and some items as of the same moment."""

    head: Head
    items: tuple[Item, ...]
    complete: bool
    """Whether these are all that were wanted."""


class FeedReader:
    """Reads what is newest and what has changed. At most `PAGE_ITEMS` and about `PAGE_BYTES` a page."""

    def __init__(self, pool: Pool, *, most_waiting: int) -> None:
        self._pool = pool
        # Two at a time leave connections of the pool for those who write.
        self._changes = Batcher(
            self._read_changes,
            max_items=_STREAMS_PER_BATCH,
            parallel=2,
            max_waiting=most_waiting,
        )
        self._newest = Batcher(
            self._read_newest,
            max_items=_STREAMS_PER_BATCH,
            parallel=2,
            max_waiting=most_waiting,
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._changes)
        await self._stack.enter_async_context(self._newest)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Waits until every reader has its answer."""
        await self._stack.aclose()

    async def changes(self, wanted: ChangesWanted) -> FeedPage:
        """Returns a page of changes in order of their numbers. A missing head is made.

        So a stream always has an epoch: a feed that begins later begins under this very head.
        """
        return await self._changes.submit(wanted)

    async def newest(self, wanted: NewestWanted) -> FeedPage:
        """Returns a page of items, newest first; an inbox without a head is empty."""
        return await self._newest.submit(wanted)

    async def heads(self, keys: Sequence[InboxKey]) -> dict[InboxKey, Head]:
        """Returns the heads that there are."""
        heads = {}
        for first in range(0, len(keys), _HEADS_PER_BATCH):
            with database():
                rows = await self._pool.fetch(
                    _SQL["read_heads"], *_columns(keys[first : first + _HEADS_PER_BATCH])
                )
            heads.update({key_from_row(row): head_from_row(row) for row in rows})
        return heads

    async def _read_changes(self, batch: Sequence[ChangesWanted]) -> Sequence[FeedPage]:
        keys = [wanted.key for wanted in batch]
        bounds = ([wanted.after for wanted in batch], [wanted.up_to for wanted in batch])
        with database():
            pages = await self._fetch_changes(keys, bounds)
            while len(pages) < len(batch):
                await self._pool.execute(_SQL["create_heads"], *_columns(keys))
                pages = await self._fetch_changes(keys, bounds)
        return [pages[number] for number in range(1, len(batch) + 1)]

    async def _fetch_changes(
        self, keys: Sequence[InboxKey], bounds: tuple[list[int], list[int]]
    ) -> dict[int, FeedPage]:
        rows = await self._pool.fetch(
            _SQL["read_changes"], *_columns(keys), *bounds, PAGE_ITEMS, PAGE_BYTES
        )
        return _pages(rows)

    async def _read_newest(self, batch: Sequence[NewestWanted]) -> Sequence[FeedPage]:
        with database():
            rows = await self._pool.fetch(
                _SQL["read_newest"],
                *_columns([wanted.key for wanted in batch]),
                [wanted.before for wanted in batch],
                [wanted.most for wanted in batch],
                [wanted.unread_only for wanted in batch],
                PAGE_BYTES,
            )
        pages = _pages(rows)
        return [pages[number] for number in range(1, len(batch) + 1)]


def _columns(keys: Sequence[InboxKey]) -> tuple[list[str], list[str]]:
    return [key.tenant_id for key in keys], [key.recipient_id for key in keys]


def _pages(rows: Sequence[asyncpg.Record]) -> dict[int, FeedPage]:
    """Gathers the rows of each stream, which come together and in order."""
    rows_of: dict[int, list[asyncpg.Record]] = {}
    for row in rows:
        rows_of.setdefault(row["stream"], []).append(row)
    return {number: _page(of_stream) for number, of_stream in rows_of.items()}


def _page(rows: Sequence[asyncpg.Record]) -> FeedPage:
    first = rows[0]
    head = Head(epoch=0, sequence=0, floor=0, counts=Counts())
    if first["epoch"] is not None:
        head = head_from_row(first, sequence="head_sequence")
    if first["item_id"] is None:
        return FeedPage(head=head, items=(), complete=True)
    items = tuple(item_from_row(row) for row in rows)
    return FeedPage(head=head, items=items, complete=first["found"] == len(items))
