"""Pages of a list, by keyset, and the tokens that lead from one to the next.

A token holds the key of the last item shown and is good for its listing and tenant only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from google.protobuf.message import Message

from libs.errors import InvalidPageToken
from libs.opaque_tokens import read_token, write_token

DEFAULT_PAGE_SIZE = 50
# Ids keep milliseconds, and times are compared exactly beside them.
_SLACK_MS = 2
_LAST_MS = (1 << 48) - 1
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page is wanted."""

    size: int
    after: str = ""
    """Key of the last item of the page before; empty for the first page."""

    @property
    def limit(self) -> int:
        """How many items to look for: one more than asked for says whether there is a next page."""
        return self.size + 1

    def after_uuid(self) -> UUID | None:
        """Returns `after` where keys are UUIDs, None for the first page; raises InvalidPageToken."""
        try:
            return UUID(self.after) if self.after else None
        except ValueError:
            raise InvalidPageToken from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Some items of a list."""

    items: tuple[Item, ...]
    last_key: str | None
    """Where the next page goes on; None on the last page."""

    @classmethod
    def cut(
        cls, found: Sequence[Item], request: PageRequest, *, key: Callable[[Item], str]
    ) -> Page[Item]:
        """Makes the wanted page of what a query for `request.limit` items has found."""
        items = tuple(found[: request.size])
        return cls(items=items, last_key=key(items[-1]) if len(found) > request.size else None)

    @classmethod
    def cut_scanned(
        cls,
        found: Sequence[Item],
        request: PageRequest,
        *,
        key: Callable[[Item], str],
        matches: Callable[[Item], bool],
        ends_scan: Callable[[Item], bool],
    ) -> Page[Item]:
        """Makes the wanted page of what a bounded scan has found: items that match, and in any case
        the one at which the scan was ended, behind which the next page goes on."""
        items = tuple(item for item in found if matches(item))[: request.size]
        if len(found) > request.size:
            return cls(items=items, last_key=key(items[-1]))
        ended = bool(found) and ends_scan(found[-1])
        return cls(items=items, last_key=key(found[-1]) if ended else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRange:
    """Ids that begin with a time: from `lowest` on, and before `before`."""

    lowest: UUID
    before: UUID

    @classmethod
    def of(cls, page: PageRequest, *, since: datetime | None, until: datetime | None) -> IdRange:
        """Returns where a page, newest first, of ids from about `since` to about `until` can lie;
        raises InvalidPageToken."""
        lowest = 0 if since is None else _milliseconds(since) - _SLACK_MS
        highest = _LAST_MS if until is None else _milliseconds(until) + _SLACK_MS
        after = page.after_uuid()
        return cls(
            lowest=UUID(int=max(lowest, 0) << 80),
            before=after or UUID(int=min(max(highest, 0), _LAST_MS) << 80 | (1 << 80) - 1),
        )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def listing_of(request: Message) -> str:
    """Names what a request lists: its method with all its filters, whatever the page.

    The request has `page_size` and `page_token`.
    """
    filters = type(request)()
    filters.CopyFrom(request)
    filters.ClearField("page_size")
    filters.ClearField("page_token")
    digest = hashlib.blake2b(filters.SerializeToString(deterministic=True), digest_size=16)
    return f"{request.DESCRIPTOR.full_name} {digest.hexdigest()}"


def page_from_proto(listing: str, tenant_id: str, page_size: int, page_token: str) -> PageRequest:
    """Reads the paging fields of a request; raises InvalidPageToken."""
    size = page_size or DEFAULT_PAGE_SIZE
    if not page_token:
        return PageRequest(size=size)
    data = read_token(page_token, listing, tenant_id)
    # Anyone can write one, and PostgreSQL takes no text with a zero in it.
    if data is None or b"\0" in data:
        raise InvalidPageToken
    try:
        return PageRequest(size=size, after=data.decode())
    except UnicodeDecodeError:
        raise InvalidPageToken from None


def page_token_to_proto(listing: str, tenant_id: str, last_key: str | None) -> str:
    """Returns the token of the next page, or '' after the last."""
    return "" if last_key is None else write_token(last_key.encode(), listing, tenant_id)
