"""Every name of a span, a metric and an attribute, by the OpenTelemetry semantic conventions (1.44).

The messaging conventions are not stable yet, so a change of theirs is a change of this file. Ours
begin with `tidings.`. None of them may take a value that grows with use in a metric: no tenant, no
recipient, no id.
"""

from __future__ import annotations

from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority

# --- spans of a notification, in the order of its way
ACCEPTED = "tidings.notification.accepted"
PLANNED = "tidings.notification.planned"
CLAIMED = "tidings.delivery.claimed"
ATTEMPT = "tidings.delivery.attempt"
SETTLED = "tidings.delivery.settled"
"""A delivery that was settled without an attempt: expired, not rendered, put off."""
STREAM_WRITE = "tidings.inbox.stream_write"
READ = "tidings.inbox.read"

# --- spans of batches
ACCEPT_BATCH = "tidings.ingestion.accept"
PLAN_BATCH = "tidings.ingestion.plan"
DELIVER_BATCH = "tidings.dispatch.deliver"
STORE_NOTIFICATIONS = "INSERT ingestion.notifications"
STORE_PLANS = "UPDATE ingestion.notifications"
STORE_CLAIMS = "INSERT dispatch.deliveries"
BEGIN_SENDING = "UPDATE dispatch.deliveries sending"
SETTLE = "UPDATE dispatch.deliveries settle"
STORE_ITEMS = "INSERT inbox.items"
PUBLISH = "publish"
RECEIVE = "receive"

# --- attributes of the conventions
ERROR_TYPE = "error.type"
SERVICE_NAME = "service.name"
RPC_SYSTEM = "rpc.system.name"
RPC_METHOD = "rpc.method"
RPC_STATUS = "rpc.response.status_code"
GRPC = "grpc"
OTHER_METHOD = "_OTHER"
MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION_NAME = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGING_ROUTING_KEY = "messaging.rabbitmq.destination.routing_key"
MESSAGING_BATCH_COUNT = "messaging.batch.message_count"
MESSAGING_CONVERSATION = "messaging.message.conversation_id"
DB_SYSTEM = "db.system.name"
DB_SUMMARY = "db.query.summary"
DB_BATCH_SIZE = "db.operation.batch.size"
POSTGRESQL = "postgresql"

# --- our attributes
NOTIFICATION_ID = "tidings.notification.id"
REVISION = "tidings.notification.revision"
DELIVERY_ID = "tidings.delivery.id"
ATTEMPT_NUMBER = "tidings.delivery.attempt_number"
BATCH_SIZE = "tidings.batch.size"
CHANNEL = "tidings.channel"
PRIORITY = "tidings.priority"
PROVIDER = "tidings.provider"
OUTCOME = "tidings.outcome"
STATE = "tidings.state"
STAGE = "tidings.stage"
LOOP = "tidings.loop"

# --- metrics
NOTIFICATIONS_ACCEPTED = "tidings.notification.accepted"
NOTIFICATIONS_PLANNED = "tidings.notification.planned"
DELIVERY_OUTCOMES = "tidings.delivery.outcomes"
ACCEPT_TO_SENT = "tidings.delivery.accept_to_sent"
ACCEPT_TO_STREAM = "tidings.inbox.accept_to_stream_write"
OUTBOX_AGE = "tidings.outbox.age"
BACKLOG = "tidings.backlog"
LANE_IN_USE = "tidings.lane.in_use"
SLOTS_IN_USE = "tidings.provider.slots_in_use"
STREAMS_OPEN = "tidings.inbox.streams_open"
LOOP_FAILURES = "tidings.loop.failures"
RPC_SERVER_DURATION = "rpc.server.call.duration"

_CHANNELS: dict[int, str] = {
    number: name.removeprefix("CHANNEL_").lower() for name, number in Channel.items()
}
_PRIORITIES: dict[int, str] = {
    number: name.removeprefix("PRIORITY_").lower() for name, number in Priority.items()
}


def channel_name(number: int) -> str:
    """Returns a channel as attributes have it: `email`, `in_app`."""
    return _CHANNELS.get(number, "other")


def priority_name(number: int) -> str:
    """Returns a priority as attributes have it: `critical` to `low`."""
    return _PRIORITIES.get(number, "other")
