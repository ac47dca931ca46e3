"""A webhook's way, from the recipient that names its endpoint to the receiver that verifies the call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from cli.serve import Cluster, ServeOptions, open_cluster
from tests.support.api import Api, create_tenant, error_info, open_api, violated_fields
from tests.support.eventually import eventually
from tests.support.receiver import Received, open_receiver, status
from tests.support.server import ServerProcess
from tidings.common.v1.channel_pb2 import CHANNEL_WEBHOOK
from tidings.dispatch.v1.delivery_pb2 import ATTEMPT_OUTCOME_TRANSIENT, DeliveryState
from tidings.dispatch.v1.webhook_service_pb2 import GetWebhookSecretsRequest
from tidings.dispatch.v1.webhook_service_pb2_grpc import WebhookServiceStub
from tidings.ingestion.v1.notification_pb2 import Notification, NotificationState
from tidings.preference.v1.channel_decision_pb2 import ChannelDecisionReason
from tidings.preference.v1.recipient_service_pb2 import (
    GetRecipientRequest,
    Recipient,
    UpdateRecipientRequest,
    UpsertRecipientRequest,
)
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    PublishTemplateRequest,
    TemplateContent,
    TemplateVariable,
    WebhookSource,
)

TO_LOOPBACK = {
    "TIDINGS_EGRESS_ALLOW_HTTP": "true",
    "TIDINGS_EGRESS_NETWORKS": "127.0.0.0/8,::1/128",
    "TIDINGS_EGRESS_PORTS": "*",
    "TIDINGS_WEBHOOK_RETRY_BASE_SECONDS": "0.2",
}
TEMPLATE = "hook"


@pytest.fixture(scope="module")
async def calling(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A cluster whose webhooks may reach this machine."""
    directory = tmp_path_factory.mktemp("calling") / "data"
    options = ServeOptions(data_directory=directory, listen="127.0.0.1:0", environ=TO_LOOPBACK)
    async with open_cluster(options) as served:
        yield served


async def seed(api: Api, url: str) -> None:
    """Stores what a webhook to `url` needs."""
    await api.seed()
    content = TemplateContent(
        variables=[TemplateVariable(name="order")],
        webhook=WebhookSource(data='{"order": {{ order | tojson }}}'),
    )
    await api.templates.CreateTemplate(
        CreateTemplateRequest(name=TEMPLATE, content=content), metadata=api.metadata
    )
    await api.templates.PublishTemplate(
        PublishTemplateRequest(name=TEMPLATE), metadata=api.metadata
    )
    recipient = Recipient(recipient_id="alice", webhook_url=url)
    await api.recipients.UpsertRecipient(
        UpsertRecipientRequest(recipient=recipient), metadata=api.metadata
    )


async def ended(api: Api, notification_id: str) -> Notification:
    """Returns the notification once its one delivery is at an end."""

    async def probe() -> Notification | None:
        notification = await api.get(notification_id)
        return (
            notification
            if any(d.HasField("finish_time") for d in notification.deliveries)
            else None
        )

    return await eventually(probe)


async def secret_of(channel: grpc.aio.Channel, api: Api) -> str:
    response = await WebhookServiceStub(channel).GetWebhookSecrets(
        GetWebhookSecretsRequest(recipient_id="alice"), metadata=api.metadata
    )
    return response.secrets[0].secret


async def test_a_webhook_arrives_and_can_be_verified(calling: Cluster) -> None:
    async with (
        open_receiver(status(204)) as receiver,
        open_api(calling) as api,
        grpc.aio.insecure_channel(calling.public_address) as channel,
    ):
        await seed(api, f"http://localhost:{receiver.port}/hooks?of=alice")
        sent = await api.send(
            channels=[CHANNEL_WEBHOOK], template=TEMPLATE, variables={"order": 'a"\\</b>\u2028'}
        )
        notification = await ended(api, sent.notification_id)
        secret = await secret_of(channel, api)
    (request,) = receiver.requests
    (delivery,) = notification.deliveries
    assert delivery.state == DeliveryState.DELIVERY_STATE_SENT
    assert (delivery.channel, request.target) == (CHANNEL_WEBHOOK, "/hooks?of=alice")
    assert request.headers["webhook-id"] == delivery.delivery_id
    assert notification.trace_id in request.headers["traceparent"]
    told = Verifier(secret).verify(request.body, request.headers)
    assert (told["type"], told["data"]) == ("order.shipped", {"order": 'a"\\</b>\u2028'})
    assert told["timestamp"][:19] == notification.accept_time.ToJsonString()[:19]
    assert set(json.loads(request.body)) == {"type", "timestamp", "data"}


async def test_an_endpoint_inside_is_refused_when_it_is_stored(api: Api) -> None:
    """By the session's cluster, which opens nothing."""
    for url, rule in (
        ("http://example.com/", "scheme"),
        ("https://localhost/", "loopback"),
        ("https://169.254.169.254/latest/meta-data/", "link_local"),
        ("https://example.com:6379/", "port"),
    ):
        recipient = Recipient(recipient_id="alice", webhook_url=url)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await api.recipients.UpsertRecipient(
                UpsertRecipientRequest(recipient=recipient), metadata=api.metadata
            )
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        info = error_info(refused.value)
        assert (info.reason, dict(info.metadata)) == ("WEBHOOK_URL_REFUSED", {"rule": rule})
        assert violated_fields(refused.value) == ["recipient.webhook_url"]


@pytest.mark.timeout(120)
async def test_a_death_before_the_answer_leads_to_the_same_call_again(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def silence(request: Received, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.Event().wait()

    server = ServerProcess(tmp_path / "data", TO_LOOPBACK)
    await server.start()
    try:
        key = await create_tenant(server.internal_address, server.cluster_secret)
        options = [("grpc.max_reconnect_backoff_ms", 200)]
        async with (
            open_receiver(silence) as receiver,
            grpc.aio.insecure_channel(server.public_address, options=options) as channel,
        ):
            api = Api(channel, key)
            await seed(api, f"http://127.0.0.1:{receiver.port}/")
            sent = await api.send(channels=[CHANNEL_WEBHOOK], template=TEMPLATE)
            await arrived.wait()
            await server.kill()
            receiver.answer = status(200)
            await server.start()
            await channel.channel_ready()
            (delivery,) = (await ended(api, sent.notification_id)).deliveries
    finally:
        await server.stop()
    assert delivery.state == DeliveryState.DELIVERY_STATE_SENT
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery.delivery_id
    assert first.body == second.body
    assert delivery.attempts[0].outcome == ATTEMPT_OUTCOME_TRANSIENT


async def recipient_of(api: Api) -> Recipient:
    response = await api.recipients.GetRecipient(
        GetRecipientRequest(recipient_id="alice"), metadata=api.metadata
    )
    return response.recipient


async def gone_recipient(api: Api) -> Recipient:
    """Returns the recipient once its endpoint is known to be gone."""

    async def probe() -> Recipient | None:
        recipient = await recipient_of(api)
        return recipient if recipient.HasField("webhook_gone_time") else None

    return await eventually(probe)


async def test_an_endpoint_that_is_gone_is_called_once(calling: Cluster) -> None:
    async with open_receiver(status(410)) as receiver, open_api(calling) as api:
        url = f"http://localhost:{receiver.port}/"
        await seed(api, url)
        sent = await api.send(channels=[CHANNEL_WEBHOOK], template=TEMPLATE)
        (delivery,) = (await ended(api, sent.notification_id)).deliveries
        assert delivery.state == DeliveryState.DELIVERY_STATE_FAILED
        recipient = await gone_recipient(api)
        assert recipient.webhook_gone_time.ToDatetime() <= delivery.finish_time.ToDatetime()

        later = await api.send(channels=[CHANNEL_WEBHOOK], template=TEMPLATE)

        async def suppressed() -> Notification | None:
            notification = await api.get(later.notification_id)
            is_over = notification.state == NotificationState.NOTIFICATION_STATE_SUPPRESSED
            return notification if is_over else None

        (decision,) = (await eventually(suppressed)).decisions
        assert decision.reason == ChannelDecisionReason.CHANNEL_DECISION_REASON_ENDPOINT_GONE
        assert len(receiver.requests) == 1

        # Mended, and named anew.
        receiver.answer = status(200)
        await api.recipients.UpdateRecipient(
            UpdateRecipientRequest(recipient=Recipient(recipient_id="alice", webhook_url=url)),
            metadata=api.metadata,
        )
        again = await api.send(channels=[CHANNEL_WEBHOOK], template=TEMPLATE)
        (delivery,) = (await ended(api, again.notification_id)).deliveries
        assert delivery.state == DeliveryState.DELIVERY_STATE_SENT


@pytest.mark.timeout(120)
@pytest.mark.parametrize("failpoint", ["dispatch.settled", "dispatch.gone_told"])
async def test_a_death_keeps_no_gone_endpoint_from_being_told(
    tmp_path: Path, failpoint: str
) -> None:
    """Between the outcome and the telling, and between the telling and its end."""
    environ = {**TO_LOOPBACK, "TIDINGS_FAILPOINT": f"{failpoint}:1"}
    server = ServerProcess(tmp_path / "data", environ)
    await server.start()
    try:
        key = await create_tenant(server.internal_address, server.cluster_secret)
        options = [("grpc.max_reconnect_backoff_ms", 200)]
        async with (
            open_receiver(status(410)) as receiver,
            grpc.aio.insecure_channel(server.public_address, options=options) as channel,
        ):
            api = Api(channel, key)
            await seed(api, f"http://127.0.0.1:{receiver.port}/")
            sent = await api.send(channels=[CHANNEL_WEBHOOK], template=TEMPLATE)
            await server.died()
            server.forget("TIDINGS_FAILPOINT")
            await server.start()
            await channel.channel_ready()
            await gone_recipient(api)
            (delivery,) = (await ended(api, sent.notification_id)).deliveries
            assert delivery.state == DeliveryState.DELIVERY_STATE_FAILED
            assert len(receiver.requests) == 1
    finally:
        await server.stop()
