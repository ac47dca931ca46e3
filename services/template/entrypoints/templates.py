"""TemplateService."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from google.protobuf.message import Message

from libs.idempotency import Answer, RequestIds
from libs.identity.caller import current_caller
from libs.paging import listing_of, page_from_proto, page_token_to_proto
from libs.postgres.transaction import Connection
from libs.rpc.pipeline import Context
from services.template.clients.turns import Turns
from services.template.domain.models import TemplateFilter
from services.template.usecases.create_template import CreateTemplate
from services.template.usecases.delete_template import DeleteTemplate
from services.template.usecases.get_template import GetTemplate
from services.template.usecases.list_template_versions import ListTemplateVersions
from services.template.usecases.list_templates import ListTemplates
from services.template.usecases.preview_template import Preview, PreviewTemplate
from services.template.usecases.publish_template import PublishTemplate
from services.template.usecases.update_template import UpdateTemplate
from services.template.wire.channel import CHANNEL_FROM_PROTO
from services.template.wire.content import content_from_proto, rendered_to_proto
from services.template.wire.template import change_from_proto, template_to_proto, version_to_proto
from services.template.wire.variables import variables_from_proto
from tidings.template.v1 import template_service_pb2 as pb
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateServicer(TemplateServiceServicer):
    """Keeps templates for users' backends."""

    request_ids: RequestIds
    changes: Turns
    """A change holds a connection while it waits for its template and for the render thread, so that only
    some may at once: else one tenant's changes would take all of the pool."""
    create_template: CreateTemplate
    update_template: UpdateTemplate
    publish_template: PublishTemplate
    delete_template: DeleteTemplate
    get_template: GetTemplate
    list_templates: ListTemplates
    list_template_versions: ListTemplateVersions
    preview_template: PreviewTemplate

    async def CreateTemplate(
        self, request: pb.CreateTemplateRequest, context: Context
    ) -> pb.CreateTemplateResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        content = content_from_proto(request.content)

        async def create(connection: Connection) -> pb.CreateTemplateResponse:
            template = await self.create_template(connection, tenant_id, request.name, content)
            return pb.CreateTemplateResponse(template=template_to_proto(template))

        return await self._once(tenant_id, request, pb.CreateTemplateResponse, create)

    async def UpdateTemplate(
        self, request: pb.UpdateTemplateRequest, context: Context
    ) -> pb.UpdateTemplateResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        change = change_from_proto(request)

        async def update(connection: Connection) -> pb.UpdateTemplateResponse:
            template = await self.update_template(connection, tenant_id, change)
            return pb.UpdateTemplateResponse(template=template_to_proto(template))

        return await self._once(tenant_id, request, pb.UpdateTemplateResponse, update)

    async def PublishTemplate(
        self, request: pb.PublishTemplateRequest, context: Context
    ) -> pb.PublishTemplateResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id

        async def publish(connection: Connection) -> pb.PublishTemplateResponse:
            version = await self.publish_template(connection, tenant_id, request.name, request.etag)
            return pb.PublishTemplateResponse(version=version)

        return await self._once(tenant_id, request, pb.PublishTemplateResponse, publish)

    async def DeleteTemplate(
        self, request: pb.DeleteTemplateRequest, context: Context
    ) -> pb.DeleteTemplateResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id

        async def delete(connection: Connection) -> pb.DeleteTemplateResponse:
            await self.delete_template(connection, tenant_id, request.name, request.etag)
            return pb.DeleteTemplateResponse()

        return await self._once(tenant_id, request, pb.DeleteTemplateResponse, delete)

    async def GetTemplate(
        self, request: pb.GetTemplateRequest, context: Context
    ) -> pb.GetTemplateResponse:
        """See the contract."""
        template = await self.get_template(
            current_caller().tenant_id, request.name, request.version
        )
        return pb.GetTemplateResponse(template=template_to_proto(template))

    async def ListTemplates(
        self, request: pb.ListTemplatesRequest, context: Context
    ) -> pb.ListTemplatesResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        listing = listing_of(request)
        wanted = page_from_proto(listing, tenant_id, request.page_size, request.page_token)
        shown = TemplateFilter(
            name_prefix=request.name_prefix, published_only=request.published_only
        )
        page = await self.list_templates(tenant_id, wanted, shown)
        return pb.ListTemplatesResponse(
            templates=[template_to_proto(template) for template in page.items],
            next_page_token=page_token_to_proto(listing, tenant_id, page.last_key),
        )

    async def ListTemplateVersions(
        self, request: pb.ListTemplateVersionsRequest, context: Context
    ) -> pb.ListTemplateVersionsResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        listing = listing_of(request)
        wanted = page_from_proto(listing, tenant_id, request.page_size, request.page_token)
        page = await self.list_template_versions(tenant_id, request.name, wanted)
        return pb.ListTemplateVersionsResponse(
            versions=[version_to_proto(version) for version in page.items],
            next_page_token=page_token_to_proto(listing, tenant_id, page.last_key),
        )

    async def PreviewTemplate(
        self, request: pb.PreviewTemplateRequest, context: Context
    ) -> pb.PreviewTemplateResponse:
        """See the contract."""
        preview = Preview(
            name=request.name,
            version=request.version,
            channel=CHANNEL_FROM_PROTO[request.channel],
            variables=variables_from_proto(request.variables),
        )
        rendered = await self.preview_template(current_caller().tenant_id, preview)
        return pb.PreviewTemplateResponse(content=rendered_to_proto(rendered))

    async def _once(
        self,
        tenant_id: str,
        request: Message,
        answer_type: type[Answer],
        change: Callable[[Connection], Awaitable[Answer]],
    ) -> Answer:
        async with self.changes.of(tenant_id):
            return await self.request_ids.once(tenant_id, request, answer_type, change)
