"""Puts template together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from libs.clock import Clock
from libs.idempotency import SWEEP_INTERVAL, RequestIds
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.runtime.host import Host
from services.template.clients.renderer import Renderer
from services.template.clients.turns import Turns
from services.template.entrypoints.rendering import RenderingServicer
from services.template.entrypoints.templates import TemplateServicer
from services.template.store.templates import TemplateStore
from services.template.store.versions import VersionStore
from services.template.usecases.check_draft import CheckDraft
from services.template.usecases.create_template import CreateTemplate
from services.template.usecases.delete_template import DeleteTemplate
from services.template.usecases.describe_templates import DescribeTemplates
from services.template.usecases.get_template import GetTemplate
from services.template.usecases.list_template_versions import ListTemplateVersions
from services.template.usecases.list_templates import ListTemplates
from services.template.usecases.load_versions import LoadVersions
from services.template.usecases.preview_template import PreviewTemplate
from services.template.usecases.publish_template import PublishTemplate
from services.template.usecases.render_batch import RenderBatch
from services.template.usecases.update_template import UpdateTemplate
from tidings.internal.template.v1 import rendering_service_pb2
from tidings.internal.template.v1.rendering_service_pb2_grpc import (
    add_RenderingServiceServicer_to_server,
)
from tidings.template.v1 import template_service_pb2
from tidings.template.v1.template_service_pb2_grpc import add_TemplateServiceServicer_to_server

# Half of the connections; the rest are for those who read.
_CHANGES = 4


async def open_service(stack: AsyncExitStack, host: Host) -> None:
    """Adds template to a host."""
    pool = await stack.enter_async_context(open_pool(host.database_url, application="template"))
    await migrate(pool, package="services.template", schema="template")
    request_ids = RequestIds(pool, schema="template", secrets=host.cluster_secrets)
    host.loops.add_periodic("template.request_ids", request_ids.sweep, every=SWEEP_INTERVAL)
    versions = VersionStore(pool)
    renderer = Renderer(
        stack.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="render"))
    )
    host.public.add(
        add_TemplateServiceServicer_to_server,
        _templates(pool, request_ids, renderer, host.clock),
        template_service_pb2.DESCRIPTOR.services_by_name["TemplateService"],
    )
    host.internal.add(
        add_RenderingServiceServicer_to_server,
        RenderingServicer(
            describe_templates=DescribeTemplates(versions),
            render_batch=RenderBatch(LoadVersions(versions), renderer),
        ),
        rendering_service_pb2.DESCRIPTOR.services_by_name["RenderingService"],
    )


def _templates(
    pool: Pool, request_ids: RequestIds, renderer: Renderer, clock: Clock
) -> TemplateServicer:
    store = TemplateStore(pool)
    check_draft = CheckDraft(renderer)
    return TemplateServicer(
        request_ids=request_ids,
        changes=Turns(at_once=_CHANGES),
        create_template=CreateTemplate(check_draft, clock),
        update_template=UpdateTemplate(check_draft, clock),
        publish_template=PublishTemplate(clock),
        delete_template=DeleteTemplate(clock),
        get_template=GetTemplate(store),
        list_templates=ListTemplates(store),
        list_template_versions=ListTemplateVersions(store),
        preview_template=PreviewTemplate(store, renderer),
    )
