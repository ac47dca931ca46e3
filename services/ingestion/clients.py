"""The services that ingestion asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from libs.errors import DependencyUnavailable
from libs.rpc.channel import ask
from services.ingestion.domain.models import (
    CategoryDefaults,
    Fate,
    Notification,
    Plan,
    PlannedDelivery,
    StoppedPlan,
    Submission,
    TemplateDescription,
)
from services.ingestion.wire.plans import plan_from_proto, plan_task_to_proto
from services.ingestion.wire.requests import category_from_proto, template_from_proto
from services.ingestion.wire.stopping import delivery_to_cancel_to_proto, fate_from_proto
from tidings.dispatch.v1.delivery_pb2 import Delivery
from tidings.internal.dispatch.v1.ledger_service_pb2 import (
    CancelDeliveriesRequest,
    ReadDeliveriesRequest,
)
from tidings.internal.preference.v1.planning_service_pb2 import (
    CheckSendsRequest,
    PlanDeliveriesRequest,
    SendCheck,
)
from tidings.internal.template.v1.rendering_service_pb2 import (
    DescribeTemplatesRequest,
    TemplateReference,
)
from tidings.internal.tracking.v1.fact_service_pb2 import ReadFactsRequest
from tidings.tracking.v1.fact_pb2 import Fact

if TYPE_CHECKING:
    # The stubs have types of their own for asyncio, which exist for type checkers only.
    from tidings.internal.dispatch.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub
    from tidings.internal.preference.v1.planning_service_pb2_grpc import PlanningServiceAsyncStub
    from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceAsyncStub
    from tidings.internal.tracking.v1.fact_service_pb2_grpc import FactServiceAsyncStub

TemplateKey = tuple[str, str, int]
"""Tenant, name, version or 0."""

_FRESH_SECONDS = 5.0
_STALE_SECONDS = 3600.0
_MAX_KNOWN = 10_000
_CANCEL = 500
# Who reads a timeline rather has a part of it now than all of it later.
_READ_S = 2.0


class TemplateCatalog:
    """What templates need, by asking template; answers are kept for seconds, and while template
    is away for an hour."""

    def __init__(
        self, stub: RenderingServiceAsyncStub, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._stub = stub
        self._monotonic = monotonic
        self._known: dict[TemplateKey, tuple[float, TemplateDescription]] = {}

    async def describe(self, keys: Sequence[TemplateKey]) -> dict[TemplateKey, TemplateDescription]:
        """Returns a description per key; raises DependencyUnavailable for what nobody knows."""
        wanted = set(keys)
        asked = sorted(key for key in wanted if not self._is_known(key, _FRESH_SECONDS))
        if asked:
            try:
                await self._ask(asked)
            except DependencyUnavailable:
                if not all(self._is_known(key, _STALE_SECONDS) for key in asked):
                    raise
        return {key: self._known[key][1] for key in wanted}

    async def _ask(self, keys: Sequence[TemplateKey]) -> None:
        request = DescribeTemplatesRequest(
            templates=(
                TemplateReference(tenant_id=tenant, name=name, version=version)
                for tenant, name, version in keys
            )
        )
        response = await ask("template", self._stub.DescribeTemplates(request))
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()
        for key, description in zip(keys, response.descriptions, strict=True):
            self._known[key] = (self._monotonic(), template_from_proto(description))

    def _is_known(self, key: TemplateKey, seconds: float) -> bool:
        known = self._known.get(key)
        if known is None or self._monotonic() - known[0] > seconds:
            return False
        # What was missing a moment ago may have been published since.
        return seconds != _FRESH_SECONDS or known[1].version != 0


class Planner:
    """Preference's word on recipients, categories and plans."""

    def __init__(self, stub: PlanningServiceAsyncStub) -> None:
        self._stub = stub
        self._categories: dict[tuple[str, str], CategoryDefaults] = {}

    async def check(
        self, submissions: Sequence[Submission]
    ) -> list[tuple[bool, CategoryDefaults | None]]:
        """Returns for each send whether its recipient exists, and its category's defaults.

        While preference is away, a recipient is believed and a category seen before is remembered;
        raises DependencyUnavailable for a category that was not.
        """
        request = CheckSendsRequest(
            checks=(
                SendCheck(tenant_id=s.tenant_id, recipient_id=s.recipient_id, category=s.category)
                for s in submissions
            )
        )
        keys = [(s.tenant_id, s.category) for s in submissions]
        try:
            response = await ask("preference", self._stub.CheckSends(request))
        except DependencyUnavailable:
            if not all(key in self._categories for key in keys):
                raise
            return [(True, self._categories[key]) for key in keys]
        if len(self._categories) > _MAX_KNOWN:
            self._categories.clear()
        # Of one moment, so that a category's defaults are the same wherever it is named.
        defaults: dict[tuple[str, str], CategoryDefaults | None] = {}
        for key, result in zip(keys, response.results, strict=True):
            if key in defaults:
                continue
            defaults[key] = None
            if result.HasField("category"):
                defaults[key] = self._categories[key] = category_from_proto(result.category)
        return [
            (result.recipient_known, defaults[key])
            for key, result in zip(keys, response.results, strict=True)
        ]

    async def plan(self, notifications: Sequence[Notification]) -> list[Plan]:
        """Returns a plan per notification; raises DependencyUnavailable."""
        request = PlanDeliveriesRequest(tasks=map(plan_task_to_proto, notifications))
        response = await ask("preference", self._stub.PlanDeliveries(request))
        return [plan_from_proto(plan) for plan in response.plans]


class Facts:
    """Tracking's word on what is known from outside."""

    def __init__(self, stub: FactServiceAsyncStub) -> None:
        self._stub = stub

    async def of(self, tenant_id: str, notification_id: UUID) -> list[Fact]:
        """Returns a notification's facts, the oldest first; raises DependencyUnavailable, soon."""
        request = ReadFactsRequest(tenant_id=tenant_id, notification_ids=[notification_id.bytes])
        response = await ask("tracking", self._stub.ReadFacts(request, timeout=_READ_S))
        return [entry.fact for entry in response.facts]


class Ledger:
    """Dispatch's word on deliveries."""

    def __init__(self, stub: LedgerServiceAsyncStub) -> None:
        self._stub = stub

    async def deliveries(
        self, tenant_id: str, notification_id: UUID
    ) -> tuple[list[Delivery], bool]:
        """Returns a notification's deliveries, and whether their receipts are all there; raises
        DependencyUnavailable, soon."""
        request = ReadDeliveriesRequest(
            tenant_id=tenant_id, notification_ids=[notification_id.bytes]
        )
        response = await ask("dispatch", self._stub.ReadDeliveries(request, timeout=_READ_S))
        return [entry.delivery for entry in response.entries], not response.receipts_missing

    async def cancel(
        self, deliveries: Sequence[tuple[StoppedPlan, PlannedDelivery, UUID]]
    ) -> list[Fate]:
        """Stops planned deliveries (with their ids); returns their fates, raises
        DependencyUnavailable."""
        fates: list[Fate] = []
        for start in range(0, len(deliveries), _CANCEL):
            request = CancelDeliveriesRequest(
                deliveries=(
                    delivery_to_cancel_to_proto(*delivery)
                    for delivery in deliveries[start : start + _CANCEL]
                )
            )
            response = await ask("dispatch", self._stub.CancelDeliveries(request))
            fates += [fate_from_proto(fate) for fate in response.fates]
        return fates
