"""Collects the facts of a run: from the tables, from the sink, and from the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from tests.chaos.cluster import Cluster
from tests.chaos.facts import Call, Delivery, Facts, Feed, Item, Mail, Notification, PlannedDelivery
from tests.chaos.tenants import Tenant
from tests.chaos.workload import RecipientKey, Workload
from tidings.dispatch.v1.delivery_pb2 import AttemptOutcome, DeliveryState
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.internal.dispatch.v1.ledger_service_pb2 import AttemptLog
from tidings.internal.preference.v1.planning_service_pb2 import Plan
from tidings.preference.v1.category_service_pb2 import Guarantee
from tidings.template.v1.content_pb2 import InAppContent

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
SELECT notification_id, state, revision, variables, plan, plan_time
FROM ingestion.notifications WHERE tenant_id = ANY($1)
"""
_STOPPED_PLANS = """
SELECT notification_id, revision, plan FROM ingestion.stopped_plans WHERE tenant_id = ANY($1)
"""
_DELIVERIES = """
SELECT delivery_id, notification_id, revision, channel, endpoint, state, guarantee, claim_time,
    due_time, attempt_log
FROM dispatch.deliveries WHERE tenant_id = ANY($1)
"""
_HEADS = """
SELECT tenant_id, recipient_id, sequence, total, unread FROM inbox.heads WHERE tenant_id = ANY($1)
"""
_ITEMS = """
SELECT tenant_id, recipient_id, item_id, revision, sequence, created_sequence, content, read_time
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
        stopped = await connection.fetch(_STOPPED_PLANS, tenants)
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
        notifications=_notifications(notifications, stopped),
        deliveries=[_delivery(row) for row in deliveries],
        mails=mails,
        feeds=_feeds(heads, items, listed, workload),
        left_over=left_over,
    )


def _notifications(
    rows: Sequence[asyncpg.Record], stopped: Sequence[asyncpg.Record]
) -> list[Notification]:
    earlier: dict[str, set[PlannedDelivery]] = defaultdict(set)
    for row in stopped:
        earlier[str(row["notification_id"])].update(
            (row["revision"], *delivery) for delivery in _planned(row)
        )
    return [_notification(row, earlier[str(row["notification_id"])]) for row in rows]


def _notification(row: asyncpg.Record, earlier: set[PlannedDelivery]) -> Notification:
    return Notification(
        notification_id=str(row["notification_id"]),
        state=NotificationState.Name(row["state"]).removeprefix("NOTIFICATION_STATE_"),
        planned=frozenset(_planned(row)),
        revision=row["revision"],
        order=f"{Struct.FromString(row['variables'])['order']:g}",
        plan_time=row["plan_time"].timestamp() if row["plan_time"] else 0.0,
        earlier=frozenset(earlier),
    )


def _planned(row: asyncpg.Record) -> list[tuple[int, str]]:
    return [(d.channel, d.endpoint) for d in Plan.FromString(row["plan"] or b"").deliveries]


def _delivery(row: asyncpg.Record) -> Delivery:
    log = AttemptLog.FromString(row["attempt_log"])
    return Delivery(
        delivery_id=str(row["delivery_id"]),
        notification_id=str(row["notification_id"]),
        revision=row["revision"],
        claim_time=row["claim_time"].timestamp(),
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
    listed: Mapping[RecipientKey, list[str]],
    workload: Workload,
) -> list[Feed]:
    of_recipient: dict[RecipientKey, list[Item]] = defaultdict(list)
    for row in items:
        of_recipient[row["tenant_id"], row["recipient_id"]].append(
            Item(
                item_id=str(row["item_id"]),
                sequence=row["sequence"],
                created_sequence=row["created_sequence"],
                read=row["read_time"] is not None,
                revision=row["revision"],
                title=InAppContent.FromString(row["content"]).title,
            )
        )
    known: dict[RecipientKey, Any] = {(h["tenant_id"], h["recipient_id"]): h for h in heads}
    feeds = []
    for key in sorted(known.keys() | of_recipient.keys()):
        head = known.get(key)
        reader, follower = workload.readers.get(key), workload.followers.get(key)
        feeds.append(
            Feed(
                recipient="/".join(key),
                sequence=head["sequence"] if head else 0,
                total=head["total"] if head else 0,
                unread=head["unread"] if head else 0,
                items=tuple(of_recipient[key]),
                listed=tuple(listed[key]),
                streamed=dict(reader.items) if reader else None,
                followed=tuple(follower.changes) if follower else None,
                stream_faults=tuple(
                    fault for app in (reader, follower) if app for fault in app.faults
                ),
            )
        )
    return feeds


async def _listed(tenant: Tenant, recipient: str) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = await tenant.reading.inbox.ListInboxItems(
            ListInboxItemsRequest(recipient_id=recipient, page_size=200, page_token=token),
            metadata=tenant.reading.metadata,
            timeout=20,
        )
        found += [item.item_id for item in page.items]
        token = page.next_page_token
        if not token:
            return found
