"""InboxService."""

from __future__ import annotations

from dataclasses import dataclass

from libs.identity.caller import current_caller
from libs.rpc.pipeline import Context
from services.inbox.domain.models import InboxKey
from services.inbox.usecases.list_items import ListItems
from services.inbox.usecases.mark_read import MarkRead
from services.inbox.wire.items import (
    counts_to_proto,
    item_ids_from_proto,
    item_to_proto,
    page_from_proto,
    page_token_to_proto,
)
from tidings.inbox.v1 import inbox_service_pb2 as pb
from tidings.inbox.v1.inbox_service_pb2_grpc import InboxServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxServicer(InboxServiceServicer):
    """Lists and marks for apps and backends."""

    list_items: ListItems
    mark_read: MarkRead

    async def ListInboxItems(
        self, request: pb.ListInboxItemsRequest, context: Context
    ) -> pb.ListInboxItemsResponse:
        """See the contract."""
        key = caller_inbox(request.recipient_id)
        wanted = page_from_proto(key, request)
        page = await self.list_items(key, wanted)
        return pb.ListInboxItemsResponse(
            items=[item_to_proto(item) for item in page.items],
            next_page_token=page_token_to_proto(key, wanted, page.next_before),
            counts=counts_to_proto(page.counts),
        )

    async def MarkRead(self, request: pb.MarkReadRequest, context: Context) -> pb.MarkReadResponse:
        """See the contract."""
        key = caller_inbox(request.recipient_id)
        marked = await self.mark_read(key, item_ids_from_proto(request))
        return pb.MarkReadResponse(
            items=[item_to_proto(item) for item in marked.items],
            counts=counts_to_proto(marked.counts),
        )


def caller_inbox(recipient_id: str) -> InboxKey:
    """Returns which inbox the caller means; raises when it may not or did not say."""
    caller = current_caller()
    return InboxKey(caller.tenant_id, caller.acting_for(recipient_id))
