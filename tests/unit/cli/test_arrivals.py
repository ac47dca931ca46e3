"""What the demo says when its notification does not arrive."""

from __future__ import annotations

import asyncio

import pytest

from cli.demo.arrivals import send_and_see
from cli.errors import CommandError
from cli.output import Output
from cli.session import Settings, open_session
from tests.unit.cli.fake_inbox import opened
from tests.unit.cli.fake_server import FakeServer
from tests.unit.cli.notifications import at, email, in_app, notification
from tidings.access.v1.access_service_pb2 import IssueRecipientTokenResponse
from tidings.dispatch.v1.delivery_pb2 import Delivery, DeliveryState
from tidings.ingestion.v1.ingestion_service_pb2 import (
    GetNotificationResponse,
    SendNotificationResponse,
)


async def see(server: FakeServer, *deliveries: Delivery, within: float) -> None:
    server.frames = [opened()]
    server.on("IssueRecipientToken", IssueRecipientTokenResponse(token="t", expire_time=at(0)))
    server.on("SendNotification", SendNotificationResponse(notification_id="n1"))
    told = GetNotificationResponse(notification=notification(*deliveries))
    server.on("GetNotification", told)
    settings = Settings(address=server.address, api_key="key")
    async with open_session(settings, Output()) as session:
        await send_and_see(session, None, within=within)


def test_names_what_is_missing_when_the_time_is_up(server: FakeServer) -> None:
    waiting = email(DeliveryState.DELIVERY_STATE_RETRY, detail="no mail server")
    with pytest.raises(CommandError) as caught:
        asyncio.run(see(server, waiting, in_app(), within=1))
    assert caught.value.sentence == (
        "after 1 s: email is retry (no mail server); in_app is sent; no item came down the stream"
    )


def test_does_not_wait_for_what_has_failed(server: FakeServer) -> None:
    failed = email(DeliveryState.DELIVERY_STATE_FAILED, detail="550 no such mailbox")
    with pytest.raises(CommandError) as caught:
        asyncio.run(see(server, failed, within=30))
    assert caught.value.sentence == "email delivery is failed: 550 no such mailbox"
