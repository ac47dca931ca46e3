"""Notifications that are full of canaries, and every part failing over them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

import asyncpg
import grpc

from libs.messaging.broker import Message
from libs.messaging.rabbitmq import RabbitBroker
from libs.messaging.topology import DELIVERIES, OUTBOX_ID_HEADER, TENANT_HEADER
from tests.support.api import CATEGORY, Api, send_request
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.dispatch.v1.dead_letter_service_pb2 import ListDeadLettersRequest
from tidings.dispatch.v1.dead_letter_service_pb2_grpc import DeadLetterServiceStub
from tidings.dispatch.v1.delivery_pb2 import DeliveryState
from tidings.event.v1.delivery_batch_pb2 import DeliveryBatch, DeliveryTask
from tidings.inbox.v1.inbox_stream_service_pb2 import StartLive, SubscribeRequest
from tidings.ingestion.v1.ingestion_service_pb2 import (
    SendNotificationRequest,
    SendNotificationsRequest,
)
from tidings.preference.v1.recipient_service_pb2 import Recipient, UpsertRecipientRequest
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    EmailSource,
    InAppSource,
    PreviewTemplateRequest,
    PublishTemplateRequest,
    TemplateContent,
    TemplateVariable,
)

WORD = "kanarienvogel"
"""In every address, subject, body and variable."""
PHONE = "+4915117654321"
TEMPLATE = "canary"


def address(name: str) -> str:
    return f"{name}.{WORD}@example.com"


class Scenario:
    """One server, one tenant, and everything that can go wrong."""

    def __init__(self, api: Api, amqp_url: str, database: asyncpg.Connection[Any]) -> None:
        self._api = api
        self._amqp_url = amqp_url
        self._database = database
        self._channel = api.channel
        self.statuses: list[str] = []
        self.letters = ""

    async def play(self) -> None:
        await self._seed()
        await self._send_well()
        await self._fail_to_render()
        await self._be_refused_mails()
        await self._be_refused_calls()
        await self._leave_dead_letters()
        await self._break_the_database()

    async def dead_letters(self) -> str:
        stub = DeadLetterServiceStub(self._channel)
        listed = await stub.ListDeadLetters(ListDeadLettersRequest(), metadata=self._api.metadata)
        return str(listed) if len(listed.dead_letters) >= 2 else ""

    async def _seed(self) -> None:
        await self._api.seed(("alice",))
        for name in ("well", "refused", "later", "broken"):
            await self._api.recipients.UpsertRecipient(
                UpsertRecipientRequest(recipient=_recipient(name)), metadata=self._api.metadata
            )
        await self._publish_template(TEMPLATE, "{{ secret }}")
        await self._publish_template("failing", "{{ 1 // secret }}")

    async def _publish_template(self, name: str, expression: str) -> None:
        content = TemplateContent(
            variables=[TemplateVariable(name="secret")],
            email=EmailSource(subject=f"{WORD} {{{{ secret }}}}", text=f"{WORD} {expression}"),
            in_app=InAppSource(title=f"{WORD} {{{{ secret }}}}", body=f"{WORD} {expression}"),
        )
        metadata = self._api.metadata
        await self._api.templates.CreateTemplate(
            CreateTemplateRequest(name=name, content=content), metadata=metadata
        )
        await self._api.templates.PublishTemplate(
            PublishTemplateRequest(name=name), metadata=metadata
        )

    async def _send_well(self) -> None:
        stream = self._api.stream.Subscribe(
            SubscribeRequest(recipient_id="well", live=StartLive()), metadata=self._api.metadata
        )
        frames = stream.__aiter__()
        assert (await anext(frames)).HasField("opened")
        sent = await self._api.ingestion.SendNotification(
            _request("well"), metadata=self._api.metadata
        )
        while not (await anext(frames)).HasField("changes"):
            pass
        stream.cancel()
        await self._until(sent.notification_id, DeliveryState.DELIVERY_STATE_SENT)

    async def _fail_to_render(self) -> None:
        sent = await self._api.ingestion.SendNotification(
            _request("well", template="failing"), metadata=self._api.metadata
        )
        await self._until(sent.notification_id, DeliveryState.DELIVERY_STATE_FAILED)
        preview = PreviewTemplateRequest(name="failing", version=1, channel=CHANNEL_EMAIL)
        preview.variables.update({"secret": f"{WORD}-variable"})
        await self._refused(
            self._api.templates.PreviewTemplate(preview, metadata=self._api.metadata)
        )

    async def _be_refused_mails(self) -> None:
        batch = SendNotificationsRequest(
            entries=[_request(name, channels=(CHANNEL_EMAIL,)) for name in ("refused", "later")]
        )
        response = await self._api.ingestion.SendNotifications(batch, metadata=self._api.metadata)
        refused, later = (result.accepted.notification_id for result in response.results)
        await self._until(refused, DeliveryState.DELIVERY_STATE_FAILED)
        await self._until(later, DeliveryState.DELIVERY_STATE_RETRY)

    async def _be_refused_calls(self) -> None:
        raw: Any = self._channel.unary_unary(
            "/tidings.ingestion.v1.IngestionService/SendNotification"
        )
        await self._refused(raw(f"\x0a\xff{WORD}".encode(), metadata=self._api.metadata))
        wrong = [
            Recipient(recipient_id="x", emails=[f"{WORD} at example.com"]),
            Recipient(recipient_id="x", phone_numbers=[f"0{PHONE[1:]} {WORD}"]),
            Recipient(recipient_id="x", time_zone=f"{WORD}!"),
        ]
        for recipient in wrong:
            await self._refused(
                self._api.recipients.UpsertRecipient(
                    UpsertRecipientRequest(recipient=recipient), metadata=self._api.metadata
                )
            )
        missing = send_request("well", template=TEMPLATE, variables={"other": f"{WORD}-variable"})
        unknown = _request("nobody")
        reused = _request("well")
        await self._api.ingestion.SendNotification(reused, metadata=self._api.metadata)
        reused.template.variables.update({"secret": f"{WORD}-another"})
        for request in (missing, unknown, reused):
            await self._refused(
                self._api.ingestion.SendNotification(request, metadata=self._api.metadata)
            )

    async def _leave_dead_letters(self) -> None:
        broker = RabbitBroker(self._amqp_url, name="canary")
        task = DeliveryTask(delivery_id=WORD.encode(), endpoint=address("dead"))
        batch = DeliveryBatch(format=1, outbox_id=uuid4().bytes, tasks=[task])
        strange = DeliveryBatch(format=99, tenant_id=WORD)
        headers = {TENANT_HEADER: await self._tenant(), OUTBOX_ID_HEADER: str(uuid4())}
        for body in (
            f"\x0a\xff{WORD}".encode(),
            batch.SerializeToString(),
            strange.SerializeToString(),
        ):
            await broker.publish(DELIVERIES, "email.normal", Message(body=body, headers=headers))
        await broker.close()
        await eventually(self.dead_letters)

    async def _break_the_database(self) -> None:
        """A constraint that nobody knows: its DETAIL has the row, address and all."""
        for table in ("preference.recipients", "ingestion.notifications", "dispatch.deliveries"):
            await self._database.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT c CHECK (recipient_id <> 'broken') NOT VALID"
            )
        await self._refused(
            self._api.recipients.UpsertRecipient(
                UpsertRecipientRequest(recipient=_recipient("broken")),
                metadata=self._api.metadata,
            )
        )
        request = _request("broken")
        await self._refused(
            self._api.ingestion.SendNotification(request, metadata=self._api.metadata)
        )
        response = await self._api.ingestion.SendNotifications(
            SendNotificationsRequest(entries=[request, _request("alice")]),
            metadata=self._api.metadata,
        )
        self.statuses.append(str(response))
        assert [result.HasField("error") for result in response.results] == [True, False]
        await self._database.execute("ALTER TABLE ingestion.notifications DROP CONSTRAINT c")
        # Accepted and planned now, and refused by the ledger again and again.
        await self._api.ingestion.SendNotification(request, metadata=self._api.metadata)

    async def _refused(self, call: Awaitable[object]) -> None:
        try:
            await call
        except grpc.aio.AioRpcError as error:
            trailing = "".join(f"{k}={v!r}" for k, v in error.trailing_metadata() or ())
            self.statuses.append(f"{error.code()} {error.details()} {trailing} {error!r}")
        else:
            raise AssertionError("was not refused")

    async def _tenant(self) -> str:
        tenant: str = await self._database.fetchval(
            "SELECT tenant_id FROM preference.recipients WHERE recipient_id = 'well'"
        )
        return tenant

    async def _until(self, notification_id: str, state: DeliveryState.ValueType) -> None:
        async def probe() -> bool:
            notification = await self._api.get(notification_id)
            states = {delivery.state for delivery in notification.deliveries}
            return states == {state}

        await eventually(probe, within=60)


def _recipient(name: str) -> Recipient:
    return Recipient(recipient_id=name, emails=[address(name)], phone_numbers=[PHONE])


def _request(
    recipient: str,
    *,
    template: str = TEMPLATE,
    channels: tuple[int, ...] = (CHANNEL_EMAIL, CHANNEL_IN_APP),
) -> SendNotificationRequest:
    request = send_request(
        recipient,
        template=template,
        variables={"secret": f"{WORD}-variable"},
        category=CATEGORY,
        channels=channels,  # type: ignore[arg-type]
    )
    request.metadata["note"] = f"{WORD}-label"
    return request
