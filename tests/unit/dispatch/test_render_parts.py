"""How many renderings dispatch asks for in one call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import pytest

from services.dispatch.clients import Renderer
from services.dispatch.domain.models import EMAIL, IN_APP, ClaimedDelivery, DeliveryTask
from tidings.internal.template.v1.rendering_service_pb2 import (
    RenderBatchRequest,
    RenderBatchResponse,
    RenderResult,
    RenderTask,
    TemplateReference,
)

if TYPE_CHECKING:
    from tidings.internal.template.v1.rendering_service_pb2_grpc import RenderingServiceAsyncStub

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
DELIVERY = ClaimedDelivery(
    tenant_id="acme",
    channel=IN_APP,
    priority=2,
    claim_token=UUID(int=1),
    attempts=0,
    claims=1,
    suspect=False,
    task=DeliveryTask(
        delivery_id=UUID(int=2),
        notification_id=UUID(int=3),
        revision=1,
        recipient_id="alice",
        category="order.shipped",
        endpoint="",
        locale="en",
        template_name="order-shipped",
        template_version=7,
        variables=b"0",
        guarantee=1,
        accept_time=MOMENT,
        expire_time=MOMENT,
        traceparent="",
    ),
)


class Template:
    """Remembers what it is asked, and answers a task with its variables."""

    def __init__(self) -> None:
        self.asked: list[RenderBatchRequest] = []

    async def RenderBatch(self, request: RenderBatchRequest) -> RenderBatchResponse:
        self.asked.append(request)
        answer = RenderBatchResponse()
        for task in request.tasks:
            answer.results.add().content.in_app.title = task.variables[:9].decode()
        return answer


async def render(*deliveries: ClaimedDelivery) -> tuple[list[int], list[RenderResult]]:
    """Returns how many each call asked for, and the results of all."""
    template = Template()
    results = await Renderer(cast("RenderingServiceAsyncStub", template)).render(deliveries)
    return [len(request.tasks) for request in template.asked], results


async def test_a_delivery_is_asked_for_as_it_is() -> None:
    template = Template()
    await Renderer(cast("RenderingServiceAsyncStub", template)).render([DELIVERY])
    reference = TemplateReference(tenant_id="acme", name="order-shipped", version=7)
    task = RenderTask(template=reference, channel=IN_APP, variables=b"0")  # type: ignore[arg-type]
    assert template.asked == [RenderBatchRequest(tasks=[task])]


@pytest.mark.parametrize(
    ("channel", "kibibytes", "calls"),
    [(IN_APP, 0, [200, 5]), (EMAIL, 0, [50, 50, 50, 50, 5]), (IN_APP, 1024, [32] * 6 + [13])],
)
async def test_no_call_holds_more_than_a_message_does(
    channel: int, kibibytes: int, calls: list[int]
) -> None:
    sent = [
        replace(
            DELIVERY,
            channel=channel,
            task=replace(
                DELIVERY.task, variables=b"%09d" % n + bytes(max(0, 1024 * kibibytes - 9))
            ),
        )
        for n in range(205)
    ]
    asked, results = await render(*sent)
    assert asked == calls
    assert [int(result.content.in_app.title) for result in results] == list(range(205))


async def test_nothing_is_asked_for_nothing() -> None:
    assert await render() == ([], [])
