"""What providers are sent of a trace: a webhook its context, a mail its id."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from libs.telemetry import names
from libs.trace import trace_id
from tests.e2e.telemetry.conftest import exporting
from tests.e2e.telemetry.test_traces import stages_of, traceparent
from tests.e2e.test_webhook import TO_LOOPBACK
from tests.support.api import Api, send_request
from tests.support.eventually import eventually
from tests.support.receiver import open_receiver, status
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_WEBHOOK
from tidings.preference.v1.recipient_service_pb2 import Recipient, UpsertRecipientRequest
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    EmailSource,
    PublishTemplateRequest,
    TemplateContent,
    WebhookSource,
)

TEMPLATE = "both"


async def seed(api: Api, url: str) -> None:
    """Stores a template for mail and webhook, and a recipient who has both."""
    content = TemplateContent(
        email=EmailSource(subject="Hello", text="Hello"), webhook=WebhookSource(data="{}")
    )
    await api.templates.CreateTemplate(
        CreateTemplateRequest(name=TEMPLATE, content=content), metadata=api.metadata
    )
    await api.templates.PublishTemplate(
        PublishTemplateRequest(name=TEMPLATE), metadata=api.metadata
    )
    recipient = Recipient(recipient_id="bob", emails=["bob@example.com"], webhook_url=url)
    await api.recipients.UpsertRecipient(
        UpsertRecipientRequest(recipient=recipient), metadata=api.metadata
    )


@pytest.mark.parametrize("sampled", [True, False])
async def test_a_webhook_goes_on_with_the_trace_and_a_mail_names_it(
    tmp_path: Path, sampled: bool
) -> None:
    environ = {"TIDINGS_TRACE_SAMPLE_RATIO": "0", **TO_LOOPBACK}
    context = traceparent(sampled=sampled)
    request = send_request(
        "bob", template=TEMPLATE, variables={}, channels=[CHANNEL_EMAIL, CHANNEL_WEBHOOK]
    )
    async with (
        open_receiver(status(204)) as endpoint,
        exporting(tmp_path, **environ) as (receiver, server, api),
    ):
        await seed(api, f"http://localhost:{endpoint.port}/")
        metadata = (*api.metadata, ("traceparent", context))
        answer = await api.ingestion.SendNotification(request, metadata=metadata)

        async def mailed() -> Message | None:
            found = list((server.directory / "mail").glob("*.eml"))
            return message_from_bytes(found[0].read_bytes()) if found else None

        async def called() -> bool:
            return bool(endpoint.requests)

        mail = await eventually(mailed)
        await eventually(called)
        if sampled:
            stages = await stages_of(receiver, [answer.notification_id], (names.ACCEPTED,))
            accepted = stages[answer.notification_id][names.ACCEPTED]
            context = f"00-{trace_id(context)}-{accepted.span_id}-01"
    assert [call.headers["traceparent"] for call in endpoint.requests] == [context]
    assert mail["Tidings-Trace"] == (trace_id(context) if sampled else None)
