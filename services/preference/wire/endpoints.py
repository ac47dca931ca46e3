"""What endpoints say of themselves, on the wire."""

from __future__ import annotations

from datetime import UTC

from services.preference.domain.models import GoneWebhook
from tidings.common.v1.channel_pb2 import CHANNEL_WEBHOOK
from tidings.internal.preference.v1 import endpoint_service_pb2 as pb


def gone_webhooks_from_proto(message: pb.ReportGoneEndpointsRequest) -> list[GoneWebhook]:
    """Reads webhooks, and leaves out what else a newer dispatch may report."""
    return [
        GoneWebhook(
            tenant_id=endpoint.tenant_id,
            recipient_id=endpoint.recipient_id,
            webhook_url=endpoint.endpoint,
            call_time=endpoint.call_time.ToDatetime(UTC),
        )
        for endpoint in message.endpoints
        if endpoint.channel == CHANNEL_WEBHOOK
    ]
