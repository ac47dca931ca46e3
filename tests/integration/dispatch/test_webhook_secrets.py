"""Secrets of webhooks: first, rotated, overlapping, and never printed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from libs.clock import SystemClock
from libs.errors import RequestIdReused
from services.dispatch.domain.errors import WebhookSecretsUnreadable
from services.dispatch.domain.models import DeliveryState
from services.dispatch.store.webhook_roots import WebhookRoots
from tests.integration.dispatch.webhook_bench import WebhookBench, verifies
from tests.integration.hosting import CLUSTER_SECRETS
from tests.support.receiver import open_receiver, status


async def test_both_secrets_sign_until_the_overlap_ends(webhooks: WebhookBench) -> None:
    (old,) = await webhooks.secrets()
    end = await webhooks.rotate(timedelta(hours=1))
    assert timedelta(minutes=59) < end - datetime.now(UTC) <= timedelta(hours=1)
    new, still = await webhooks.secrets()
    assert still == old != new
    async with open_receiver(status(200)) as receiver, webhooks.sender() as sender:
        url = f"http://hook.example:{receiver.port}/"
        await webhooks.send(sender, await webhooks.claim(url))
        # Compromised: what signs today stops at once, whatever was promised before.
        await webhooks.rotate(timedelta())
        (newest,) = await webhooks.secrets()
        await webhooks.send(sender, await webhooks.claim(url))
    during, after = receiver.requests
    assert [verifies(secret, during) for secret in (new, old, newest)] == [True, True, False]
    assert [verifies(secret, after) for secret in (new, old, newest)] == [False, False, True]


async def test_two_processes_that_are_first_agree(webhooks: WebhookBench) -> None:
    found = await asyncio.gather(
        *(
            WebhookRoots(webhooks.pool, secrets=CLUSTER_SECRETS, clock=SystemClock()).of(
                ["demo", "other"]
            )
            for _ in range(8)
        )
    )
    assert len({roots["demo"][0].key for roots in found}) == 1
    assert found[0]["demo"][0].key != found[0]["other"][0].key


async def test_rotations_at_once_leave_one_newest(webhooks: WebhookBench) -> None:
    await asyncio.gather(*(webhooks.rotate(timedelta(hours=1)) for _ in range(14)))
    secrets = await webhooks.secrets()
    assert len(secrets) == len(set(secrets)) == 10
    rows = await webhooks.pool.fetchval(
        "SELECT count(*) FROM dispatch.webhook_roots WHERE expire_time IS NULL"
    )
    assert rows == 1


async def test_a_rotation_that_is_repeated_rotates_once(webhooks: WebhookBench) -> None:
    end = await webhooks.rotate(timedelta(hours=1), "once")
    assert await webhooks.rotate(timedelta(hours=1), "once") == end
    assert len(await webhooks.secrets()) == 1
    with pytest.raises(RequestIdReused):
        await webhooks.rotate(timedelta(hours=2), "once")


async def test_secrets_do_not_show_where_values_are_printed(webhooks: WebhookBench) -> None:
    (root,) = (await webhooks.roots.of(["demo"]))["demo"]
    assert repr(root.key) not in repr(root)


async def test_a_tenant_whose_secrets_do_not_open_waits_and_holds_up_no_other(
    webhooks: WebhookBench, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_receiver(status(200)) as receiver, webhooks.sender() as sender:
        url = f"http://hook.example:{receiver.port}/"
        await webhooks.roots.of(["demo", "other"])
        unmoved = await webhooks.pool.fetchval(
            "SELECT sealed_root FROM dispatch.webhook_roots WHERE tenant_id = 'demo'"
        )
        await webhooks.pool.execute(
            "UPDATE dispatch.webhook_roots AS mine SET sealed_root = other.sealed_root"
            " FROM dispatch.webhook_roots AS other"
            " WHERE mine.tenant_id = 'demo' AND other.tenant_id = 'other'"
        )
        waiting = await webhooks.claim(url)
        others = await webhooks.claim(url, tenant_id="other")
        await webhooks.send(sender, [*waiting, *others])
        assert await webhooks.states(waiting) == [(DeliveryState.RETRY, 0)]
        assert await webhooks.states(others) == [(DeliveryState.SENT, 1)]
        assert len(receiver.requests) == 1
        with pytest.raises(WebhookSecretsUnreadable):
            await webhooks.secrets()
        tell = next(r for r in caplog.records if r.msg == "webhook_root_unreadable")
        assert "its seal is broken" in tell.why  # type: ignore[attr-defined]
        # Mended, it goes on.
        await webhooks.pool.execute(
            "UPDATE dispatch.webhook_roots SET sealed_root = $1 WHERE tenant_id = 'demo'", unmoved
        )
        await webhooks.send_again(sender)
    assert await webhooks.states(waiting) == [(DeliveryState.SENT, 1)]


async def test_rotated_without_overlap_a_tenant_whose_secrets_do_not_open_has_new_ones(
    webhooks: WebhookBench,
) -> None:
    await webhooks.secrets()
    await webhooks.pool.execute("UPDATE dispatch.webhook_roots SET sealed_root = $1", b"x" * 69)
    with pytest.raises(WebhookSecretsUnreadable):
        await webhooks.secrets()
    await webhooks.rotate(timedelta())
    assert len(await webhooks.secrets()) == 1
