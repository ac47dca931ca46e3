"""Lists of templates and of versions: filters, pages, and tokens that are good for one list only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from libs.paging import listing_of, page_token_to_proto
from tests.integration.hosting import Hosted, api_key
from tests.integration.template.calls import create, publish, update
from tests.integration.template.messages import TENANT, order_shipped
from tests.support.refusals import refusal
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP, CHANNEL_WEBHOOK
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    ListTemplatesRequest,
    ListTemplateVersionsRequest,
    ListTemplateVersionsResponse,
    PublishTemplateRequest,
    TemplateContent,
    UpdateTemplateRequest,
    WebhookSource,
)
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub

if TYPE_CHECKING:
    from tidings.template.v1.template_service_pb2_grpc import TemplateServiceAsyncStub

LISTER = api_key("lister")
NAMES = ["order", "order-paid", "order-shipped", "order.cancelled", "orders", "ord", "invoice", "z"]
PUBLISHED = {"order-paid", "orders", "invoice"}


@pytest.fixture(scope="module", autouse=True)
async def stored(running: Hosted) -> None:
    """Templates of a tenant of its own, some of them published."""
    templates = TemplateServiceStub(running.public)
    for name in NAMES:
        request = CreateTemplateRequest(name=name, content=order_shipped())
        await templates.CreateTemplate(request, metadata=LISTER)
    for name in PUBLISHED:
        await templates.PublishTemplate(PublishTemplateRequest(name=name), metadata=LISTER)


async def names(
    templates: TemplateServiceAsyncStub,
    prefix: str = "",
    *,
    published_only: bool = False,
    page_size: int = 200,
) -> list[str]:
    """Returns all pages of a list."""
    found: list[str] = []
    request = ListTemplatesRequest(
        page_size=page_size, name_prefix=prefix, published_only=published_only
    )
    while True:
        page = await templates.ListTemplates(request, metadata=LISTER)
        assert len(page.templates) <= page_size
        found += [template.name for template in page.templates]
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


@pytest.mark.parametrize(
    "prefix", ["", "o", "ord", "order", "order-", "order.", "orders", "y", "zz"]
)
@pytest.mark.parametrize("page_size", [2, 200])
async def test_a_prefix_narrows_the_list(
    templates: TemplateServiceAsyncStub, prefix: str, page_size: int
) -> None:
    expected = sorted(name for name in NAMES if name.startswith(prefix))
    assert await names(templates, prefix, page_size=page_size) == expected


@pytest.mark.parametrize("page_size", [1, 200])
async def test_templates_without_a_version_are_left_out(
    templates: TemplateServiceAsyncStub, page_size: int
) -> None:
    assert await names(templates, published_only=True, page_size=page_size) == sorted(PUBLISHED)
    assert await names(templates, "order", published_only=True) == ["order-paid", "orders"]


async def test_a_page_token_is_for_one_list(templates: TemplateServiceAsyncStub) -> None:
    request = ListTemplatesRequest(page_size=1, name_prefix="order")
    page = await templates.ListTemplates(request, metadata=LISTER)
    for other in (
        ListTemplatesRequest(page_token=page.next_page_token),
        ListTemplatesRequest(page_token=page.next_page_token, name_prefix="ord"),
        ListTemplatesRequest(
            page_token=page.next_page_token, name_prefix="order", published_only=True
        ),
    ):
        refused = await refusal(templates.ListTemplates(other, metadata=LISTER))
        assert (refused.reason, set(refused.violations)) == ("PAGE_TOKEN_INVALID", {"page_token"})
    # The size of a page is not part of what is listed.
    request = ListTemplatesRequest(
        page_size=2, name_prefix="order", page_token=page.next_page_token
    )
    assert len((await templates.ListTemplates(request, metadata=LISTER)).templates) == 2


@pytest.mark.parametrize("prefix", ["Order", "a%", "ä", "a" * 65, "a b"])
async def test_a_prefix_that_no_name_has_is_an_invalid_field(
    templates: TemplateServiceAsyncStub, prefix: str
) -> None:
    request = ListTemplatesRequest(name_prefix=prefix)
    refused = await refusal(templates.ListTemplates(request, metadata=LISTER))
    assert (refused.reason, set(refused.violations)) == ("INVALID_FIELD", {"name_prefix"})


async def versions(
    templates: TemplateServiceAsyncStub, name: str, *, page_size: int = 0, page_token: str = ""
) -> ListTemplateVersionsResponse:
    request = ListTemplateVersionsRequest(name=name, page_size=page_size, page_token=page_token)
    return await templates.ListTemplateVersions(request, metadata=TENANT)


async def test_versions_are_listed_newest_first(templates: TemplateServiceAsyncStub) -> None:
    before = datetime.now(UTC)
    await create(templates, "grown")
    await publish(templates, "grown")
    content = TemplateContent(webhook=WebhookSource(data="1"))
    request = UpdateTemplateRequest(name="grown", content=content)
    await templates.UpdateTemplate(request, metadata=TENANT)
    await publish(templates, "grown")
    second, first = (await versions(templates, "grown")).versions
    assert (second.version, list(second.channels)) == (2, [CHANNEL_WEBHOOK])
    assert (first.version, list(first.channels)) == (1, [CHANNEL_EMAIL, CHANNEL_IN_APP])
    times = [each.publish_time.ToDatetime(UTC) for each in (first, second)]
    assert before <= times[0] < times[1] <= datetime.now(UTC)


async def test_pages_show_every_version_once(templates: TemplateServiceAsyncStub) -> None:
    await create(templates, "paged")
    await create(templates, "paged-other")
    for number in range(5):
        await update(templates, "paged", str(number))
        await publish(templates, "paged")
    seen: list[int] = []
    token = ""
    for expected in ([5, 4], [3, 2], [1]):
        page = await versions(templates, "paged", page_size=2, page_token=token)
        assert [each.version for each in page.versions] == expected
        seen += expected
        token = page.next_page_token
        if token:
            refused = await refusal(versions(templates, "paged-other", page_token=token))
            assert refused.reason == "PAGE_TOKEN_INVALID"
    assert token == ""


@pytest.mark.parametrize("key", ["x", "-1", "99999999999", "٣", "1.5", " 1"])
async def test_a_forged_page_token_is_refused(
    templates: TemplateServiceAsyncStub, key: str
) -> None:
    token = page_token_to_proto(listing_of(ListTemplateVersionsRequest(name="forged")), "acme", key)
    refused = await refusal(versions(templates, "forged", page_token=token))
    assert refused.reason == "PAGE_TOKEN_INVALID"
