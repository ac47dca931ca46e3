"""Puts preference together."""

from __future__ import annotations

from contextlib import AsyncExitStack

from libs.egress.policy import EgressPolicy
from libs.egress.settings import EgressSettings
from libs.idempotency import SWEEP_INTERVAL, RequestIds
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.runtime.host import Host
from services.preference.entrypoints.categories import CategoryServicer
from services.preference.entrypoints.endpoints import EndpointServicer
from services.preference.entrypoints.planning import PlanningServicer
from services.preference.entrypoints.preferences import PreferenceServicer
from services.preference.entrypoints.recipients import RecipientServicer
from services.preference.store.categories import CategoryStore
from services.preference.store.planning import PlanningStore
from services.preference.store.preferences import PreferenceStore
from services.preference.store.recipients import RecipientStore
from services.preference.usecases.check_profiles import CheckProfiles
from services.preference.usecases.check_sends import CheckSends
from services.preference.usecases.delete_category import DeleteCategory
from services.preference.usecases.delete_recipient import DeleteRecipient
from services.preference.usecases.get_category import GetCategory
from services.preference.usecases.get_preferences import GetPreferences
from services.preference.usecases.get_recipient import GetRecipient
from services.preference.usecases.list_categories import ListCategories
from services.preference.usecases.list_preferences import ListPreferences
from services.preference.usecases.list_recipients import ListRecipients
from services.preference.usecases.mark_gone_webhooks import MarkGoneWebhooks
from services.preference.usecases.plan_deliveries import PlanDeliveries
from services.preference.usecases.update_category import UpdateCategory
from services.preference.usecases.update_preferences import UpdatePreferences
from services.preference.usecases.update_recipient import UpdateRecipient
from services.preference.usecases.upsert_category import UpsertCategory
from services.preference.usecases.upsert_recipients import UpsertRecipients
from tidings.internal.preference.v1 import endpoint_service_pb2, planning_service_pb2
from tidings.internal.preference.v1.endpoint_service_pb2_grpc import (
    add_EndpointServiceServicer_to_server,
)
from tidings.internal.preference.v1.planning_service_pb2_grpc import (
    add_PlanningServiceServicer_to_server,
)
from tidings.preference.v1 import (
    category_service_pb2,
    preference_service_pb2,
    recipient_service_pb2,
)
from tidings.preference.v1.category_service_pb2_grpc import add_CategoryServiceServicer_to_server
from tidings.preference.v1.preference_service_pb2_grpc import (
    add_PreferenceServiceServicer_to_server,
)
from tidings.preference.v1.recipient_service_pb2_grpc import add_RecipientServiceServicer_to_server


async def open_service(stack: AsyncExitStack, host: Host) -> None:
    """Adds preference to a host."""
    pool = await stack.enter_async_context(open_pool(host.database_url, application="preference"))
    await migrate(pool, package="services.preference", schema="preference")
    request_ids = RequestIds(pool, schema="preference", secrets=host.cluster_secrets)
    host.loops.add_periodic("preference.request_ids", request_ids.sweep, every=SWEEP_INTERVAL)
    host.public.add(
        add_RecipientServiceServicer_to_server,
        _recipients(pool, request_ids, EgressSettings.from_environ(host.environ).policy()),
        recipient_service_pb2.DESCRIPTOR.services_by_name["RecipientService"],
    )
    host.public.add(
        add_CategoryServiceServicer_to_server,
        _categories(pool, request_ids),
        category_service_pb2.DESCRIPTOR.services_by_name["CategoryService"],
    )
    host.public.add(
        add_PreferenceServiceServicer_to_server,
        _preferences(pool, request_ids),
        preference_service_pb2.DESCRIPTOR.services_by_name["PreferenceService"],
    )
    host.internal.add(
        add_PlanningServiceServicer_to_server,
        _planning(pool),
        planning_service_pb2.DESCRIPTOR.services_by_name["PlanningService"],
    )
    host.internal.add(
        add_EndpointServiceServicer_to_server,
        EndpointServicer(mark_gone_webhooks=MarkGoneWebhooks(RecipientStore(pool))),
        endpoint_service_pb2.DESCRIPTOR.services_by_name["EndpointService"],
    )


def _recipients(pool: Pool, request_ids: RequestIds, egress: EgressPolicy) -> RecipientServicer:
    store = RecipientStore(pool)
    return RecipientServicer(
        request_ids=request_ids,
        check_profiles=CheckProfiles(egress),
        upsert_recipients=UpsertRecipients(store),
        update_recipient=UpdateRecipient(store),
        delete_recipient=DeleteRecipient(store),
        get_recipient=GetRecipient(store),
        list_recipients=ListRecipients(store),
    )


def _categories(pool: Pool, request_ids: RequestIds) -> CategoryServicer:
    store = CategoryStore(pool)
    return CategoryServicer(
        request_ids=request_ids,
        upsert_category=UpsertCategory(store),
        update_category=UpdateCategory(store),
        delete_category=DeleteCategory(store),
        get_category=GetCategory(store),
        list_categories=ListCategories(store),
    )


def _preferences(pool: Pool, request_ids: RequestIds) -> PreferenceServicer:
    store = PreferenceStore(pool)
    return PreferenceServicer(
        request_ids=request_ids,
        update_preferences=UpdatePreferences(store),
        get_preferences=GetPreferences(store),
        list_preferences=ListPreferences(store),
    )


def _planning(pool: Pool) -> PlanningServicer:
    store = PlanningStore(pool)
    return PlanningServicer(check_sends=CheckSends(store), plan_deliveries=PlanDeliveries(store))
