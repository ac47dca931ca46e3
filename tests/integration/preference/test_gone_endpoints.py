"""What preference makes of endpoints that said that they are gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.hosting import Hosted
from tests.integration.preference.api import Api
from tests.integration.preference.collisions import collide
from tests.integration.preference.recipients import ALICE, but, get, import_all, update, upsert
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_WEBHOOK, Channel
from tidings.internal.preference.v1.endpoint_service_pb2 import (
    GoneEndpoint,
    ReportGoneEndpointsRequest,
)
from tidings.internal.preference.v1.endpoint_service_pb2_grpc import EndpointServiceStub
from tidings.internal.preference.v1.planning_service_pb2 import (
    PLAN_OUTCOME_DELIVER,
    PLAN_OUTCOME_SUPPRESS,
    Plan,
    PlanDeliveriesRequest,
)
from tidings.preference.v1.channel_decision_pb2 import (
    CHANNEL_DECISION_REASON_ENDPOINT_GONE,
)
from tidings.preference.v1.recipient_service_pb2 import Recipient

if TYPE_CHECKING:
    from tidings.internal.preference.v1.endpoint_service_pb2_grpc import EndpointServiceAsyncStub

URL = ALICE.webhook_url
LATER = timedelta(minutes=1)


@pytest.fixture
def endpoints(running: Hosted) -> EndpointServiceAsyncStub:
    return EndpointServiceStub(running.internal)


def gone(
    api: Api,
    *,
    url: str = URL,
    recipient_id: str = "alice",
    channel: Channel.ValueType = CHANNEL_WEBHOOK,
    call_time: datetime | None = None,
) -> GoneEndpoint:
    """What dispatch says; without a time, of a call after everything that was set so far."""
    endpoint = GoneEndpoint(
        tenant_id=api.tenant_id, recipient_id=recipient_id, channel=channel, endpoint=url
    )
    endpoint.call_time.FromDatetime(call_time or datetime.now(UTC) + LATER)
    return endpoint


async def report(endpoints: EndpointServiceAsyncStub, *told: GoneEndpoint) -> None:
    await endpoints.ReportGoneEndpoints(ReportGoneEndpointsRequest(endpoints=told))


async def plan(api: Api) -> Plan:
    task = api.task("alice", "order.shipped")
    task.requested_channels.append(CHANNEL_WEBHOOK)
    task.content_channels.append(CHANNEL_WEBHOOK)
    response = await api.planning.PlanDeliveries(PlanDeliveriesRequest(tasks=[task]))
    return response.plans[0]


def is_gone(recipient: Recipient) -> bool:
    return recipient.HasField("webhook_gone_time")


async def test_a_gone_endpoint_is_left_out_of_plans_and_shown(
    api: Api, endpoints: EndpointServiceAsyncStub
) -> None:
    await api.category("order.shipped")
    stored = await upsert(api, ALICE)
    assert (await plan(api)).outcome == PLAN_OUTCOME_DELIVER
    told = gone(api)
    await report(endpoints, told)
    marked = await get(api)
    assert marked == but(
        stored,
        webhook_gone_time=told.call_time,
        etag=marked.etag,
        update_time=marked.update_time,
    )
    assert marked.etag != stored.etag
    suppressed = await plan(api)
    assert suppressed.outcome == PLAN_OUTCOME_SUPPRESS
    assert [decision.reason for decision in suppressed.decisions] == [
        CHANNEL_DECISION_REASON_ENDPOINT_GONE
    ]
    # Said again, by another delivery that was under way, it changes nothing.
    await report(endpoints, told, gone(api, call_time=datetime.now(UTC) + 2 * LATER))
    assert await get(api) == marked


async def test_only_what_is_still_meant_is_marked(
    api: Api, endpoints: EndpointServiceAsyncStub
) -> None:
    await upsert(api, ALICE)
    before = datetime.now(UTC) - LATER
    await report(
        endpoints,
        gone(api, url="https://example.com/old"),
        gone(api, recipient_id="bob"),
        gone(api, channel=CHANNEL_EMAIL),
        gone(api, call_time=before),
    )
    assert not is_gone(await get(api))
    other = Api.__new__(Api)
    other.tenant_id = "another-tenant"
    await report(endpoints, gone(other))
    assert not is_gone(await get(api))
    await report(endpoints)


async def test_storing_the_same_url_again_keeps_it_gone_and_naming_it_opens_it(
    api: Api, endpoints: EndpointServiceAsyncStub
) -> None:
    await upsert(api, ALICE)
    await report(endpoints, gone(api))
    marked = await get(api)
    # An import that runs every night says nothing about the endpoint.
    assert await upsert(api, ALICE) == marked
    await import_all(api, [ALICE])
    assert is_gone(await upsert(api, but(ALICE, locale="fr")))
    assert is_gone(await update(api, Recipient(recipient_id="alice", locale="it")))
    before = await get(api)
    opened = await update(api, Recipient(recipient_id="alice", webhook_url=URL))
    assert not is_gone(opened)
    assert opened.etag != before.etag
    # A call that began before that may be answered late: it counts no more.
    await report(endpoints, gone(api, call_time=opened.update_time.ToDatetime(UTC) - LATER))
    assert not is_gone(await get(api))
    # Named while it is open it stays as it is, but for calls that began before.
    assert await update(api, Recipient(recipient_id="alice", webhook_url=URL)) == opened


async def test_another_url_is_not_gone(api: Api, endpoints: EndpointServiceAsyncStub) -> None:
    await upsert(api, ALICE)
    await report(endpoints, gone(api))
    moved = await upsert(api, but(ALICE, webhook_url="https://example.com/new"))
    assert not is_gone(moved)
    # Back at the first one, nobody has said yet that it is gone still.
    assert not is_gone(await upsert(api, ALICE))
    await report(endpoints, gone(api))
    assert is_gone(await get(api))


async def test_who_moves_the_endpoint_meanwhile_is_not_undone(
    api: Api, endpoints: EndpointServiceAsyncStub, database_url: str
) -> None:
    await upsert(api, ALICE)
    reporting = report(endpoints, gone(api))
    moved = "UPDATE preference.recipients SET webhook_url = 'https://new' WHERE tenant_id = $1"
    await collide(database_url, "recipients", api.tenant_id, [reporting], change=moved)
    assert not is_gone(await get(api))
