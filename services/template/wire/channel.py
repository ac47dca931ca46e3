"""Channels on the wire."""

from __future__ import annotations

from services.template.domain.models import Channel
from tidings.common.v1 import channel_pb2

CHANNEL_TO_PROTO = {
    Channel.EMAIL: channel_pb2.CHANNEL_EMAIL,
    Channel.IN_APP: channel_pb2.CHANNEL_IN_APP,
    Channel.WEBHOOK: channel_pb2.CHANNEL_WEBHOOK,
}
CHANNEL_FROM_PROTO = {number: channel for channel, number in CHANNEL_TO_PROTO.items()}
