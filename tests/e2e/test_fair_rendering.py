"""Templates of one tenant that are hard to render, and a notification of another, through the whole cluster."""

from __future__ import annotations

import asyncio

import pytest

from cli.serve import Cluster
from tests.support.api import Api, open_api, send_request
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP
from tidings.dispatch.v1.delivery_pb2 import Delivery, DeliveryState
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationsRequest
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    InAppSource,
    PublishTemplateRequest,
    TemplateContent,
    TemplateVariable,
)

# 62,500 turns of a loop: most of the steps that a rendering may take.
HARD = (
    "{% for a in words.split(',') %}{% for b in words.split(',') %}{% endfor %}{% endfor %}{{ n }}"
)
WORDS = ",".join(["w"] * 250)
SENT = DeliveryState.DELIVERY_STATE_SENT


async def publish_hard(api: Api) -> None:
    variables = [TemplateVariable(name="words"), TemplateVariable(name="n")]
    content = TemplateContent(variables=variables, in_app=InAppSource(title=HARD))
    create = CreateTemplateRequest(name="hard", content=content)
    await api.templates.CreateTemplate(create, metadata=api.metadata)
    publish = PublishTemplateRequest(name="hard")
    await api.templates.PublishTemplate(publish, metadata=api.metadata)


async def delivered(api: Api, notification_id: str) -> Delivery:
    """Returns the one delivery once it has been sent."""

    async def probe() -> Delivery | None:
        deliveries = (await api.get(notification_id)).deliveries
        states = {delivery.state for delivery in deliveries}
        assert DeliveryState.DELIVERY_STATE_FAILED not in states, deliveries
        return deliveries[0] if states == {SENT} else None

    return await eventually(probe, within=40)


async def test_what_is_postponed_arrives_and_holds_nobody_up(
    cluster: Cluster, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await api.seed()
    await publish_hard(api)
    requests = [
        send_request(channels=[CHANNEL_IN_APP], template="hard", variables={"words": WORDS, "n": n})
        for n in range(8)
    ]
    async with open_api(cluster) as modest:
        await modest.seed()
        sent = await api.ingestion.SendNotifications(
            SendNotificationsRequest(entries=requests), metadata=api.metadata, timeout=20
        )
        easy = await modest.send(channels=[CHANNEL_IN_APP])
        await delivered(modest, easy.notification_id)
    ids = [result.accepted.notification_id for result in sent.results]
    deliveries = await asyncio.gather(*(delivered(api, notification_id) for notification_id in ids))
    assert "rendering_postponed" in {record.message for record in caplog.records}
    # The inbox was called once for each: waiting is no attempt.
    numbers = [[attempt.number for attempt in delivery.attempts] for delivery in deliveries]
    assert numbers == [[1]] * len(ids)
