"""Items, counts and pages on the wire."""

from __future__ import annotations

from uuid import UUID

from libs.clock.timestamps import timestamp
from libs.errors import InvalidPageToken
from services.inbox.domain.listing import BEYOND_ALL, DEFAULT_PAGE_SIZE, PageRequest
from services.inbox.domain.models import Counts, InboxKey, Item
from services.inbox.wire.tokens import pack_token, unpack_token
from tidings.inbox.v1 import inbox_item_pb2, inbox_service_pb2
from tidings.template.v1.content_pb2 import InAppContent


def item_to_proto(item: Item) -> inbox_item_pb2.InboxItem:
    """Writes an item; here its content is opened at last."""
    content = InAppContent.FromString(item.content)
    return inbox_item_pb2.InboxItem(
        item_id=str(item.item_id),
        category=item.category,
        title=content.title,
        body=content.body,
        action_url=content.action_url,
        sequence=item.sequence,
        create_time=timestamp(item.create_time),
        read_time=timestamp(item.read_time) if item.read_time else None,
    )


def counts_to_proto(counts: Counts) -> inbox_item_pb2.InboxCounts:
    """Writes counts."""
    return inbox_item_pb2.InboxCounts(unread=counts.unread, total=counts.total)


def item_ids_from_proto(request: inbox_service_pb2.MarkReadRequest) -> list[UUID]:
    """Reads the items to mark; two spellings of one id are one."""
    return list(dict.fromkeys(UUID(item_id) for item_id in request.item_ids))


def page_from_proto(key: InboxKey, request: inbox_service_pb2.ListInboxItemsRequest) -> PageRequest:
    """Reads which page is wanted; raises InvalidPageToken."""
    before = BEYOND_ALL
    if request.page_token:
        numbers = unpack_token(request.page_token, 1, *_listing(key, request.unread_only))
        if numbers is None:
            raise InvalidPageToken
        (before,) = numbers
    return PageRequest(
        size=request.page_size or DEFAULT_PAGE_SIZE,
        before=before,
        unread_only=request.unread_only,
    )


def page_token_to_proto(key: InboxKey, wanted: PageRequest, next_before: int | None) -> str:
    """Returns the token of the next page of the same list; empty after the last."""
    if next_before is None:
        return ""
    return pack_token((next_before,), *_listing(key, wanted.unread_only))


def _listing(key: InboxKey, unread_only: bool) -> tuple[str, ...]:
    return ("unread-1" if unread_only else "items-1", *key)
