"""Collects the facts of a run: from the tables, from the sink, and from the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from google.protobuf.timestamp_pb2 import Timestamp

from tests.chaos.checker import Call, Delivery, Facts, Feed, Item, Mail, Notification
from tests.chaos.cluster import Cluster
from tests.chaos.readers import Reader
from tests.chaos.workload import Tenant, Workload
from tidings.dispatch.v1.delivery_pb2 import AttemptOutcome, DeliveryState
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.internal.dispatch.v1.ledger_service_pb2 import AttemptLog
from tidings.internal.preference.v1.planning_service_pb2 import Plan
from tidings.preference.v1.category_service_pb2 import Guarantee

_UNDONE = """
SELECT (SELECT count(*) FROM ingestion.notifications
        WHERE tenant_id = ANY($1) AND state NOT IN (2, 3, 4, 5, 7)) AS notifications,
       (SELECT count(*) FROM dispatch.deliveries
        WHERE tenant_id = ANY($1) AND (state IN (2, 3) OR due_time IS NOT NULL)) AS deliveries,
       (SELECT count(*) FROM ingestion.outbox) AS messages,
       (SELECT count(*) FROM ingestion.stopped_plans WHERE due_time IS NOT NULL) AS "stopped plans",
       (SELECT count(*) FROM dispatch.event_outbox) AS events
"""
_LEFT_OVER = """
SELECT (SELECT count(*) FROM ingestion.outbox) AS "messages in the outbox",
       (SELECT count(*) FROM dispatch.event_outbox) AS "event batches in the outbox",
       (SELECT coalesce(sum(delivery_count), 0)::int FROM ingestion.outbox)
           AS "deliveries of used credit",
       (SELECT count(*) FROM ingestion.stopped_plans WHERE due_time IS NOT NULL)
           AS "plans still to be stopped"
"""
_NOTIFICATIONS = """
SELECT notification_id, state, plan FROM ingestion.notifications WHERE tenant_id = ANY($1)
"""
_DELIVERIES = """
SELECT delivery_id, notification_id, channel, endpoint, state, guarantee, due_time, attempt_log
FROM dispatch.deliveries WHERE tenant_id = ANY($1)
"""
_HEADS = """
SELECT tenant_id, recipient_id, sequence, total, unread FROM inbox.heads WHERE tenant_id = ANY($1)
"""
_ITEMS = """
SELECT tenant_id, recipient_id, item_id, sequence, created_sequence, read_time
FROM inbox.items WHERE tenant_id = ANY($1)
"""


async def undone(cluster: Cluster, tenants: Sequence[str]) -> dict[str, int]:
    """Counts what a drained system does not have."""
    connection = await cluster.connect()
    try:
        row = await connection.fetchrow(_UNDONE, tenants)
        return {name: count for name, count in dict(row or {}).items() if count}
    finally:
        await connection.close()


async def collect(cluster: Cluster, workload: Workload, mails: Sequence[Mail]) -> Facts:
    """Returns all facts about the tenants of a run."""
    tenants = workload.tenant_ids
    connection = await cluster.connect()
    try:
        notifications = await connection.fetch(_NOTIFICATIONS, tenants)
        deliveries = await connection.fetch(_DELIVERIES, tenants)
        heads = await connection.fetch(_HEADS, tenants)
        items = await connection.fetch(_ITEMS, tenants)
        left_over = dict(await connection.fetchrow(_LEFT_OVER) or {})
    finally:
        await connection.close()
    listed = {
        (tenant.tenant_id, recipient): await _listed(tenant, recipient)
        for tenant in workload.tenants
        for recipient in tenant.recipients
    }
    return Facts(
        requests=workload.requests(),
        notifications=[_notification(row) for row in notifications],
        deliveries=[_delivery(row) for row in deliveries],
        mails=mails,
        feeds=_feeds(heads, items, listed, workload.readers),
        left_over=left_over,
    )


def _notification(row: asyncpg.Record) -> Notification:
    plan = Plan.FromString(row["plan"] or b"")
    return Notification(
        notification_id=str(row["notification_id"]),
        state=NotificationState.Name(row["state"]).removeprefix("NOTIFICATION_STATE_"),
        planned=frozenset((d.channel, d.endpoint) for d in plan.deliveries),
    )


def _delivery(row: asyncpg.Record) -> Delivery:
    log = AttemptLog.FromString(row["attempt_log"])
    return Delivery(
        delivery_id=str(row["delivery_id"]),
        notification_id=str(row["notification_id"]),
        channel=row["channel"],
        endpoint=row["endpoint"],
        state=DeliveryState.Name(row["state"]).removeprefix("DELIVERY_STATE_"),
        at_most_once=row["guarantee"] == Guarantee.GUARANTEE_AT_MOST_ONCE,
        waits=row["due_time"] is not None,
        calls=tuple(
            Call(
                outcome=AttemptOutcome.Name(attempt.outcome).removeprefix("ATTEMPT_OUTCOME_"),
                start=_seconds(attempt.start_time),
                finish=_seconds(attempt.finish_time),
            )
            for attempt in log.attempts
        ),
    )


def _seconds(moment: Timestamp) -> float:
    return moment.seconds + moment.nanos / 1e9


def _feeds(
    heads: Sequence[asyncpg.Record],
    items: Sequence[asyncpg.Record],
    listed: dict[tuple[str, str], list[str]],
    readers: Mapping[tuple[str, str], Reader],
) -> list[Feed]:
    of_recipient: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for row in items:
        of_recipient[row["tenant_id"], row["recipient_id"]].append(
            Item(
                item_id=str(row["item_id"]),
                sequence=row["sequence"],
                created_sequence=row["created_sequence"],
                read=row["read_time"] is not None,
            )
        )
    known: dict[tuple[str, str], Any] = {(h["tenant_id"], h["recipient_id"]): h for h in heads}
    feeds = []
    for key in sorted(known.keys() | of_recipient.keys()):
        head = known.get(key)
        feeds.append(
            Feed(
                recipient="/".join(key),
                sequence=head["sequence"] if head else 0,
                total=head["total"] if head else 0,
                unread=head["unread"] if head else 0,
                items=tuple(of_recipient[key]),
                listed=tuple(listed[key]),
                streamed=dict(readers[key].items) if key in readers else None,
                stream_faults=tuple(readers[key].faults) if key in readers else (),
            )
        )
    return feeds


async def _listed(tenant: Tenant, recipient: str) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = await tenant.settled.inbox.ListInboxItems(
            ListInboxItemsRequest(recipient_id=recipient, page_size=200, page_token=token),
            metadata=tenant.settled.metadata,
            timeout=20,
        )
        found += [item.item_id for item in page.items]
        token = page.next_page_token
        if not token:
            return found
