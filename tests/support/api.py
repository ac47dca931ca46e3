"""A user's client of a cluster: the generated stubs with a key, and shorthands for what tests need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.struct_pb2 import Struct
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from libs.rpc.channel import open_channel
from tidings.access.v1.access_service_pb2_grpc import AccessServiceStub
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP, Channel
from tidings.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceStub
from tidings.ingestion.v1.ingestion_service_pb2 import (
    GetNotificationRequest,
    SendNotificationRequest,
    SendNotificationResponse,
    TemplateReference,
)
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub
from tidings.ingestion.v1.notification_pb2 import Notification
from tidings.internal.access.v1.tenant_service_pb2 import (
    CreateAdminKeyRequest,
    CreateTenantRequest,
)
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceStub
from tidings.preference.v1.category_service_pb2 import (
    CATEGORY_CLASS_TRANSACTIONAL,
    Category,
    Guarantee,
    UpsertCategoryRequest,
)
from tidings.preference.v1.category_service_pb2_grpc import CategoryServiceStub
from tidings.preference.v1.preference_service_pb2_grpc import PreferenceServiceStub
from tidings.preference.v1.recipient_service_pb2 import Recipient, UpsertRecipientRequest
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceStub
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    EmailSource,
    InAppSource,
    PublishTemplateRequest,
    TemplateContent,
    TemplateVariable,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub
from tidings.tracking.v1.report_service_pb2_grpc import ReportServiceStub

if TYPE_CHECKING:
    from cli.serve import Cluster

BOTH = (CHANNEL_EMAIL, CHANNEL_IN_APP)
CATEGORY = "order.shipped"
TEMPLATE = "order-shipped"


class Api:
    """One tenant's view of the public listener."""

    def __init__(self, channel: grpc.aio.Channel, key: str) -> None:
        self.channel = channel
        self.key = key
        self.metadata = (("authorization", f"Bearer {key}"),)
        self.access = AccessServiceStub(channel)
        self.ingestion = IngestionServiceStub(channel)
        self.recipients = RecipientServiceStub(channel)
        self.categories = CategoryServiceStub(channel)
        self.preferences = PreferenceServiceStub(channel)
        self.templates = TemplateServiceStub(channel)
        self.inbox = InboxServiceStub(channel)
        self.stream = InboxStreamServiceStub(channel)
        self.reports = ReportServiceStub(channel)

    async def seed(
        self,
        recipients: Sequence[str] = ("alice",),
        *,
        guarantee: Guarantee.ValueType = Guarantee.GUARANTEE_AT_LEAST_ONCE,
    ) -> None:
        """Stores a category, a published template of one variable, and recipients."""
        category = Category(
            name=CATEGORY,
            channels=BOTH,
            guarantee=guarantee,
            category_class=CATEGORY_CLASS_TRANSACTIONAL,
        )
        await self.categories.UpsertCategory(
            UpsertCategoryRequest(category=category), metadata=self.metadata
        )
        content = TemplateContent(
            variables=[TemplateVariable(name="order")],
            email=EmailSource(
                subject="Order {{ order }}", text="Order {{ order }}", html="<b>{{ order }}</b>"
            ),
            in_app=InAppSource(title="Order {{ order }}", body="It is on its way."),
        )
        await self.templates.CreateTemplate(
            CreateTemplateRequest(name=TEMPLATE, content=content), metadata=self.metadata
        )
        await self.templates.PublishTemplate(
            PublishTemplateRequest(name=TEMPLATE), metadata=self.metadata
        )
        for recipient in recipients:
            await self.recipients.UpsertRecipient(
                UpsertRecipientRequest(
                    recipient=Recipient(recipient_id=recipient, emails=[f"{recipient}@example.com"])
                ),
                metadata=self.metadata,
            )

    async def send(
        self,
        recipient: str = "alice",
        *,
        variables: Mapping[str, float | str] | None = None,
        request_id: str = "",
        channels: Sequence[Channel.ValueType] = (),
        template: str = TEMPLATE,
        category: str = CATEGORY,
    ) -> SendNotificationResponse:
        """Sends the seeded template."""
        return await self.ingestion.SendNotification(
            send_request(
                recipient,
                variables=variables,
                request_id=request_id,
                channels=channels,
                template=template,
                category=category,
            ),
            metadata=self.metadata,
            timeout=20,
        )

    async def get(self, notification_id: str) -> Notification:
        """Reads a notification."""
        response = await self.ingestion.GetNotification(
            GetNotificationRequest(notification_id=notification_id),
            metadata=self.metadata,
            timeout=20,
        )
        return response.notification


def send_request(
    recipient: str = "alice",
    *,
    variables: Mapping[str, float | str] | None = None,
    request_id: str = "",
    channels: Sequence[Channel.ValueType] = (),
    template: str = TEMPLATE,
    category: str = CATEGORY,
) -> SendNotificationRequest:
    """Returns a request that the seed accepts."""
    struct = Struct()
    struct.update({"order": 42} if variables is None else variables)
    return SendNotificationRequest(
        request_id=request_id or str(uuid4()),
        recipient_id=recipient,
        category=category,
        template=TemplateReference(name=template, variables=struct),
        channels=channels,
    )


async def create_tenant(internal_address: str, cluster_secret: str) -> str:
    """Creates a tenant of its own for a test; returns an admin key."""
    tenant_id = f"t-{uuid4().hex[:12]}"
    async with open_channel(internal_address, cluster_secret=cluster_secret) as channel:
        stub = TenantServiceStub(channel)
        await stub.CreateTenant(CreateTenantRequest(tenant_id=tenant_id))
        response = await stub.CreateAdminKey(CreateAdminKeyRequest(tenant_id=tenant_id))
    return response.secret


@asynccontextmanager
async def open_api(cluster: Cluster) -> AsyncIterator[Api]:
    """Opens a client for a fresh tenant."""
    key = await create_tenant(cluster.internal_address, cluster.cluster_secret)
    async with grpc.aio.insecure_channel(cluster.public_address) as channel:
        yield Api(channel, key)


def error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """Returns the one ErrorInfo that every error carries."""
    found = error_details_pb2.ErrorInfo()
    assert sum(detail.Unpack(found) for detail in _details(error)) == 1
    return found


def violated_fields(error: grpc.aio.AioRpcError) -> list[str]:
    """Returns the paths of the fields that an error complains about."""
    found = error_details_pb2.BadRequest()
    for detail in _details(error):
        if detail.Unpack(found):
            return [violation.field for violation in found.field_violations]
    return []


def _details(error: grpc.aio.AioRpcError) -> Sequence[AnyMessage]:
    # Its types know synchronous calls only.
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None, error
    return list(status.details)
