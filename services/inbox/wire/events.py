"""Facts that inbox states."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.clock import derive_uuid8
from libs.events import Event
from libs.messaging.topology import ITEMS_READ
from services.inbox.domain.models import InboxKey
from tidings.event.v1.event_batch_pb2 import EventBatch

_FORMAT = 1


def items_read_event(key: InboxKey, read: Sequence[tuple[UUID, datetime]]) -> Event:
    """Returns the fact that items (with their times) were read, under an id derived from it."""
    digest = hashlib.sha256(f"{key.tenant_id}/{key.recipient_id}".encode())
    for item_id, read_time in read:
        digest.update(item_id.bytes + read_time.isoformat().encode())
    batch_id = derive_uuid8(read[0][0], digest.digest())
    batch = EventBatch(format=_FORMAT, batch_id=batch_id.bytes)
    batch.record_time.FromDatetime(read[0][1])
    items = batch.events.add().items_read.items
    for item_id, read_time in read:
        item = items.add(
            tenant_id=key.tenant_id, recipient_id=key.recipient_id, notification_id=item_id.bytes
        )
        item.read_time.FromDatetime(read_time)
    return Event(batch_id, ITEMS_READ, batch.SerializeToString())
