"""CategoryService."""

from __future__ import annotations

from dataclasses import dataclass

from libs.idempotency import RequestIds
from libs.identity.caller import current_caller
from libs.paging import listing_of, page_from_proto, page_token_to_proto
from libs.postgres.transaction import Connection
from libs.rpc.masks import masked
from libs.rpc.pipeline import Context
from services.preference.usecases.delete_category import DeleteCategory
from services.preference.usecases.get_category import GetCategory
from services.preference.usecases.list_categories import ListCategories
from services.preference.usecases.update_category import UpdateCategory
from services.preference.usecases.upsert_category import UpsertCategory
from services.preference.wire.category import (
    CHANGEABLE,
    category_to_proto,
    changed_definition,
    check_patch,
    definition_from_proto,
    filter_from_proto,
)
from tidings.preference.v1 import category_service_pb2 as pb
from tidings.preference.v1.category_service_pb2_grpc import CategoryServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryServicer(CategoryServiceServicer):
    """Stores and reads categories for users' backends."""

    request_ids: RequestIds
    upsert_category: UpsertCategory
    update_category: UpdateCategory
    delete_category: DeleteCategory
    get_category: GetCategory
    list_categories: ListCategories

    async def UpsertCategory(
        self, request: pb.UpsertCategoryRequest, context: Context
    ) -> pb.UpsertCategoryResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        definition = definition_from_proto(request.category)

        async def work(connection: Connection) -> pb.UpsertCategoryResponse:
            category = await self.upsert_category(
                connection, tenant_id, definition, etag=request.category.etag
            )
            return pb.UpsertCategoryResponse(category=category_to_proto(category))

        return await self.request_ids.once(tenant_id, request, pb.UpsertCategoryResponse, work)

    async def UpdateCategory(
        self, request: pb.UpdateCategoryRequest, context: Context
    ) -> pb.UpdateCategoryResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        patch = request.category
        check_patch(patch)
        fields = masked(request.update_mask, patch, changeable=CHANGEABLE)

        async def work(connection: Connection) -> pb.UpdateCategoryResponse:
            category = await self.update_category(
                connection,
                tenant_id,
                patch.name,
                lambda current: changed_definition(current, patch, fields),
                etag=patch.etag,
            )
            return pb.UpdateCategoryResponse(category=category_to_proto(category))

        return await self.request_ids.once(tenant_id, request, pb.UpdateCategoryResponse, work)

    async def DeleteCategory(
        self, request: pb.DeleteCategoryRequest, context: Context
    ) -> pb.DeleteCategoryResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id

        async def work(connection: Connection) -> pb.DeleteCategoryResponse:
            await self.delete_category(connection, tenant_id, request.name, etag=request.etag)
            return pb.DeleteCategoryResponse()

        return await self.request_ids.once(tenant_id, request, pb.DeleteCategoryResponse, work)

    async def GetCategory(
        self, request: pb.GetCategoryRequest, context: Context
    ) -> pb.GetCategoryResponse:
        """See the contract."""
        category = await self.get_category(current_caller().tenant_id, request.name)
        return pb.GetCategoryResponse(category=category_to_proto(category))

    async def ListCategories(
        self, request: pb.ListCategoriesRequest, context: Context
    ) -> pb.ListCategoriesResponse:
        """See the contract."""
        tenant_id = current_caller().tenant_id
        listing = listing_of(request)
        wanted = page_from_proto(listing, tenant_id, request.page_size, request.page_token)
        page = await self.list_categories(tenant_id, filter_from_proto(request), wanted)
        return pb.ListCategoriesResponse(
            categories=[category_to_proto(category) for category in page.items],
            next_page_token=page_token_to_proto(listing, tenant_id, page.last_key),
        )
