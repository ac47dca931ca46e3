"""Rebuilding on the wire: pages of the ledger, and how far it is."""

from __future__ import annotations

from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from libs.clock.timestamps import timestamp
from services.tracking.domain.rebuild import LedgerPage, Rebuild, time_of
from services.tracking.wire.events import delivery_from_proto
from tidings.internal.dispatch.v1.ledger_service_pb2 import RestateDeliveriesResponse
from tidings.internal.tracking.v1 import rebuild_service_pb2 as pb


def page_from_proto(response: RestateDeliveriesResponse) -> LedgerPage:
    """Reads a page; ValueError when it cannot be read."""
    return LedgerPage(
        deliveries=tuple(map(delivery_from_proto, response.changes)),
        next_after=_id(response.next_after_delivery_id),
        last_id=_id(response.last_delivery_id),
    )


def rebuild_to_proto(rebuild: Rebuild | None) -> pb.Rebuild | None:
    """Returns a rebuild as the operator sees it."""
    if rebuild is None:
        return None
    return pb.Rebuild(
        state=pb.RebuildState.ValueType(rebuild.state),
        start_time=timestamp(rebuild.start_time),
        update_time=timestamp(rebuild.update_time),
        deliveries=rebuild.deliveries,
        position_time=_time(rebuild.position if rebuild.position.int else None),
        first_time=_time(rebuild.first_id),
        last_time=_time(rebuild.last_id),
    )


def _id(value: bytes) -> UUID | None:
    return UUID(bytes=value) if value else None


def _time(delivery_id: UUID | None) -> Timestamp | None:
    return None if delivery_id is None else timestamp(time_of(delivery_id))
