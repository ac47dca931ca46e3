"""What a send and its template must have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest

from libs.errors import TidingsError
from services.ingestion.domain.acceptance import check_template
from services.ingestion.domain.models import Submission, TemplateDescription

SUBMISSION = Submission(
    tenant_id="demo",
    request_id="r1",
    payload_hash=b"",
    recipient_id="alice",
    category="order.shipped",
    template_name="order-shipped",
    template_version=0,
    variables=b"",
    variable_names=frozenset({"order", "name"}),
    channels=(),
    priority=0,
    metadata=b"",
    traceparent="",
)
TEMPLATE = TemplateDescription(
    name_known=True,
    version=3,
    channels=(1,),
    required=frozenset({"order"}),
    optional=frozenset({"name"}),
)


def test_a_fitting_send_passes() -> None:
    check_template(SUBMISSION, TEMPLATE)
    check_template(replace(SUBMISSION, variable_names=frozenset({"order"})), TEMPLATE)
    check_template(replace(SUBMISSION, channels=(1,)), TEMPLATE)


@pytest.mark.parametrize(
    ("submission", "template", "reason", "sentence", "fields"),
    [
        (
            SUBMISSION,
            replace(TEMPLATE, name_known=False, version=0),
            "TEMPLATE_NOT_FOUND",
            "there is no template 'order-shipped'; create it with TemplateService.CreateTemplate",
            ["template.name"],
        ),
        (
            replace(SUBMISSION, template_version=7),
            replace(TEMPLATE, version=0),
            "TEMPLATE_NOT_PUBLISHED",
            (
                "order-shipped has no published version 7;"
                " publish it with TemplateService.PublishTemplate"
            ),
            ["template.version"],
        ),
        (
            SUBMISSION,
            replace(TEMPLATE, required=frozenset({"order", "tracking_url"})),
            "TEMPLATE_VARIABLES_MISMATCH",
            "order-shipped v3 needs `tracking_url`; you sent `name`, `order`",
            ["template.variables.tracking_url"],
        ),
        (
            SUBMISSION,
            replace(TEMPLATE, required=frozenset({"a", "b"}), optional=frozenset()),
            "TEMPLATE_VARIABLES_MISMATCH",
            (
                "order-shipped v3 needs `a`, `b` and does not declare `name`, `order`;"
                " you sent `name`, `order`"
            ),
            [f"template.variables.{name}" for name in ("a", "b", "name", "order")],
        ),
        (
            replace(SUBMISSION, channels=(1, 2)),
            TEMPLATE,
            "CHANNEL_NOT_IN_TEMPLATE",
            (
                "order-shipped v3 has no content for in_app;"
                " leave the channel out or publish a version that has it"
            ),
            ["channels[1]"],
        ),
    ],
)
def test_what_does_not_fit_is_told_with_the_fix(
    submission: Submission,
    template: TemplateDescription,
    reason: str,
    sentence: str,
    fields: list[str],
) -> None:
    with pytest.raises(TidingsError) as caught:
        check_template(submission, template)
    assert caught.value.reason == reason
    assert caught.value.message == sentence
    assert [violation.field for violation in caught.value.violations] == fields
