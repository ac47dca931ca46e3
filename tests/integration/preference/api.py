"""One tenant's view of preference, with shorthands for what tests need."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from uuid import uuid4

import grpc

from tests.integration.hosting import Hosted, Metadata, api_key
from tests.support import refusals
from tidings.common.v1.channel_pb2 import (
    CHANNEL_EMAIL,
    CHANNEL_IN_APP,
    CHANNEL_UNSPECIFIED,
    Channel,
)
from tidings.internal.preference.v1 import planning_service_pb2 as planning_pb
from tidings.internal.preference.v1.planning_service_pb2_grpc import PlanningServiceStub
from tidings.preference.v1 import category_service_pb2 as category_pb
from tidings.preference.v1 import preference_service_pb2 as preference_pb
from tidings.preference.v1 import recipient_service_pb2 as recipient_pb
from tidings.preference.v1.category_service_pb2_grpc import CategoryServiceStub
from tidings.preference.v1.preference_service_pb2_grpc import PreferenceServiceStub
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceStub

BOTH = (CHANNEL_EMAIL, CHANNEL_IN_APP)
EVERY = CHANNEL_UNSPECIFIED
ENABLED = preference_pb.PREFERENCE_CHOICE_ENABLED
DISABLED = preference_pb.PREFERENCE_CHOICE_DISABLED
CLEARED = preference_pb.PREFERENCE_CHOICE_UNSPECIFIED


class Api:
    """One tenant's view."""

    def __init__(self, running: Hosted, tenant_id: str) -> None:
        self.tenant_id = tenant_id
        self.metadata: Metadata = api_key(tenant_id)
        self.recipients = RecipientServiceStub(running.public)
        self.categories = CategoryServiceStub(running.public)
        self.preferences = PreferenceServiceStub(running.public)
        self.planning = PlanningServiceStub(running.internal)

    async def recipient(self, recipient_id: str, *emails: str) -> recipient_pb.Recipient:
        request = recipient_pb.UpsertRecipientRequest(
            recipient=recipient_pb.Recipient(recipient_id=recipient_id, emails=emails)
        )
        answer = await self.recipients.UpsertRecipient(request, metadata=self.metadata)
        return answer.recipient

    async def category(
        self,
        name: str,
        *,
        kind: category_pb.CategoryClass.ValueType = category_pb.CATEGORY_CLASS_TRANSACTIONAL,
    ) -> category_pb.Category:
        category = category_pb.Category(name=name, channels=BOTH)
        category.category_class = kind
        request = category_pb.UpsertCategoryRequest(category=category)
        answer = await self.categories.UpsertCategory(request, metadata=self.metadata)
        return answer.category

    async def prefer(
        self,
        recipient_id: str,
        *words: tuple[str, Channel.ValueType, preference_pb.PreferenceChoice.ValueType],
    ) -> list[tuple[str, int, int]]:
        request = preference_pb.UpdatePreferencesRequest(
            recipient_id=recipient_id,
            preferences=[
                preference_pb.Preference(category=category, channel=channel, choice=choice)
                for category, channel, choice in words
            ],
        )
        answer = await self.preferences.UpdatePreferences(request, metadata=self.metadata)
        return [(word.category, word.channel, word.choice) for word in answer.preferences]

    def task(self, recipient_id: str, category: str) -> planning_pb.PlanTask:
        return planning_pb.PlanTask(
            tenant_id=self.tenant_id,
            notification_id=uuid4().bytes,
            revision=1,
            recipient_id=recipient_id,
            category=category,
            content_channels=BOTH,
        )


Refusal = tuple[grpc.StatusCode, str, Sequence[str]]
"""Status, reason and fields."""

MISMATCH: Refusal = (grpc.StatusCode.ABORTED, "ETAG_MISMATCH", [])


def not_found(reason: str) -> Refusal:
    """Returns how it is said that something is not there."""
    return grpc.StatusCode.NOT_FOUND, reason, []


async def refusal(call: Awaitable[object]) -> Refusal:
    """Returns status, reason and fields of the refusal that must come."""
    refused = await refusals.refusal(call)
    return refused.code, refused.reason, list(refused.violations)
