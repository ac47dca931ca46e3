"""CategoryService."""

from __future__ import annotations

from dataclasses import dataclass

from libs.identity.caller import current_caller
from libs.paging import page_from_proto, page_token_to_proto
from libs.rpc.pipeline import Context
from services.preference.usecases.get_category import GetCategory
from services.preference.usecases.list_categories import ListCategories
from services.preference.usecases.upsert_category import UpsertCategory
from services.preference.wire.category import category_to_proto, definition_from_proto
from tidings.preference.v1 import category_service_pb2 as pb
from tidings.preference.v1.category_service_pb2_grpc import CategoryServiceServicer

_LISTING = "categories"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryServicer(CategoryServiceServicer):
    """Stores and reads categories for users' backends."""

    upsert_category: UpsertCategory
    get_category: GetCategory
    list_categories: ListCategories

    async def UpsertCategory(
        self, request: pb.UpsertCategoryRequest, context: Context
    ) -> pb.UpsertCategoryResponse:
        """See the contract."""
        definition = definition_from_proto(request.category)
        category = await self.upsert_category(current_caller().tenant_id, definition)
        return pb.UpsertCategoryResponse(category=category_to_proto(category))

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
        wanted = page_from_proto(_LISTING, tenant_id, request.page_size, request.page_token)
        page = await self.list_categories(tenant_id, wanted)
        return pb.ListCategoriesResponse(
            categories=[category_to_proto(category) for category in page.items],
            next_page_token=page_token_to_proto(_LISTING, tenant_id, page.last_key),
        )
