"""How much of a tenant's work may be on its way at once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from services.ingestion.domain.credit import channel_mask, split_by_credit
from services.ingestion.domain.models import Notification

EMAIL, IN_APP = 1, 2
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def notification(
    tenant: str = "demo", channels: tuple[int, ...] = (EMAIL,), priority: int = 2
) -> Notification:
    return Notification(
        notification_id=uuid4(),
        tenant_id=tenant,
        revision=1,
        recipient_id="alice",
        category="c",
        template_name="t",
        template_version=1,
        content_channels=channels,
        variables=b"",
        requested_channels=(),
        priority=priority,
        channel_mask=channel_mask(channels),
        guarantee=1,
        traceparent="",
        accept_time=NOW,
        expire_time=NOW,
    )


def test_a_mask_has_a_bit_per_channel() -> None:
    assert channel_mask([]) == 0
    assert channel_mask([EMAIL, IN_APP, EMAIL]) == 0b110


def test_the_window_is_filled_and_no_more() -> None:
    batch = [notification() for _ in range(5)]
    fit, wait = split_by_credit(batch, {("demo", 2, EMAIL): 7}, window=10)
    assert (fit, wait) == (batch[:3], batch[3:])


def test_one_full_channel_holds_what_needs_it_and_nothing_else() -> None:
    mail, both, item = (
        notification(channels=channels) for channels in ((EMAIL,), (EMAIL, IN_APP), (IN_APP,))
    )
    fit, wait = split_by_credit([mail, both, item], {("demo", 2, EMAIL): 10}, window=10)
    assert (fit, wait) == ([item], [mail, both])


def test_tenants_and_priorities_have_windows_of_their_own() -> None:
    used = {("demo", 2, EMAIL): 10}
    full, other, critical = (
        notification(),
        notification(tenant="other"),
        notification(priority=4),
    )
    fit, wait = split_by_credit([full, other, critical], used, window=10)
    assert (fit, wait) == ([other, critical], [full])
