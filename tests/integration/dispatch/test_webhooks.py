"""Webhooks between a real ledger and real endpoints: retries, rotation, and who holds up whom."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from unittest.mock import Mock
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from libs.clock import SystemClock
from libs.egress.connecting import GuardedDialer, tls_context
from libs.egress.policy import EgressPolicy
from libs.errors import RequestIdReused
from libs.events import EventOutbox
from libs.idempotency import RequestIds
from libs.identity.caller import Caller, set_caller
from libs.messaging.memory import MemoryBroker
from libs.postgres.incarnation import Incarnation
from libs.postgres.migrations import migrate
from libs.postgres.pool import Pool, open_pool
from libs.postgres.transaction import in_transaction
from libs.runtime.loops import Loops
from services.dispatch.channels.webhook import HttpWebhookProvider
from services.dispatch.domain.errors import WebhookSecretsUnreadable
from services.dispatch.domain.models import (
    AT_MOST_ONCE,
    WEBHOOK,
    ClaimedDelivery,
    DeliveryBatch,
    DeliveryState,
    DeliveryTask,
)
from services.dispatch.domain.settling import RetryPolicy
from services.dispatch.entrypoints.webhooks import WebhookServicer
from services.dispatch.store.ledger import Ledger
from services.dispatch.store.webhook_roots import WebhookRoots
from services.dispatch.usecases.get_webhook_secrets import GetWebhookSecrets
from services.dispatch.usecases.lane import Lane
from services.dispatch.usecases.places import Places
from services.dispatch.usecases.rotate_webhook_secrets import RotateWebhookSecrets
from services.dispatch.usecases.send_webhook import SendWebhook
from services.dispatch.usecases.slots import Slots
from services.dispatch.usecases.solitude import Solitude
from tests.integration.hosting import CLUSTER_SECRETS
from tests.support.eventually import eventually
from tests.support.receiver import Received, open_receiver, status
from tidings.dispatch.v1.webhook_service_pb2 import (
    GetWebhookSecretsRequest,
    RotateWebhookSecretsRequest,
)
from tidings.internal.dispatch.v1.ledger_service_pb2 import AttemptLog
from tidings.template.v1.content_pb2 import RenderedContent, WebhookContent

NO_CONTEXT = Mock(spec=grpc.aio.ServicerContext)
NORMAL = 2
OPEN = EgressPolicy(allow_http=True, networks=(ip_network("127.0.0.0/8"),), ports=None)
POLICY = RetryPolicy(
    max_attempts=4, base=timedelta(microseconds=1), ceiling=timedelta(microseconds=1)
)
CONTENT = RenderedContent(webhook=WebhookContent(data='{"order": 42}'))


class SteppingClock:
    """Goes on by a second each time it is read."""

    def __init__(self) -> None:
        self._begin = datetime.now(UTC) - timedelta(minutes=1)
        self._steps = itertools.count()

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=next(self._steps))


async def at_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


class Bench:
    """What sends webhooks in a process, and its ledger."""

    def __init__(self, pool: Pool, owner: UUID, events: EventOutbox) -> None:
        self.pool = pool
        self.ledger = Ledger(
            pool, events=events, owner=lambda: owner, claim_deadline=timedelta(hours=1)
        )
        self.roots = WebhookRoots(pool, secrets=CLUSTER_SECRETS, clock=SystemClock())
        self.servicer = WebhookServicer(
            get_secrets=GetWebhookSecrets(self.roots),
            rotate_secrets=RotateWebhookSecrets(self.roots),
            request_ids=RequestIds(pool, schema="dispatch", secrets=CLUSTER_SECRETS),
        )

    def sender(self, *, seconds: float = 5, slots: int = 8, places: int = 2) -> SendWebhook:
        dialer = GuardedDialer(OPEN, resolve=at_loopback, tls=tls_context())
        return SendWebhook(
            ledger=self.ledger,
            provider=HttpWebhookProvider(OPEN, dialer=dialer, clock=SteppingClock()),
            roots=self.roots,
            slots=Slots(slots),
            places=Places(places, patience=0.2),
            call_timeout=timedelta(seconds=seconds),
            policy=POLICY,
            clock=SystemClock(),
        )

    async def claim(
        self, *urls: str, tenant_id: str = "demo", guarantee: int = 1
    ) -> list[ClaimedDelivery]:
        tasks = tuple(
            DeliveryTask(
                delivery_id=uuid4(),
                notification_id=uuid4(),
                revision=1,
                recipient_id="alice",
                category="order.shipped",
                endpoint=url,
                locale="en",
                template_name="order-shipped",
                template_version=1,
                variables=b"",
                guarantee=guarantee,
                accept_time=datetime.now(UTC),
                expire_time=datetime.now(UTC) + timedelta(days=1),
                traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            )
            for url in urls
        )
        batch = DeliveryBatch(
            outbox_id=uuid4(), tenant_id=tenant_id, channel=WEBHOOK, priority=NORMAL, tasks=tasks
        )
        return await in_transaction(
            self.pool, lambda c: self.ledger.claim_tasks(c, batch, suspect=False)
        )

    async def send(self, sender: SendWebhook, claimed: Sequence[ClaimedDelivery]) -> None:
        await sender.send(
            [(delivery, CONTENT) for delivery in claimed], render_time=datetime.now(UTC)
        )

    async def send_again(self, sender: SendWebhook) -> None:
        await self.send(sender, await self.ledger.claim_due(WEBHOOK, NORMAL, limit=10))

    async def states(self, claimed: Sequence[ClaimedDelivery]) -> list[tuple[DeliveryState, int]]:
        """Returns state and attempts of each."""
        ids = [delivery.task.delivery_id for delivery in claimed]
        rows = await self.pool.fetch(
            "SELECT state, attempts FROM dispatch.deliveries"
            " JOIN unnest($1::uuid[]) WITH ORDINALITY AS w (delivery_id, place) USING (delivery_id)"
            " ORDER BY place",
            ids,
        )
        return [(DeliveryState(row["state"]), row["attempts"]) for row in rows]

    async def log(self, delivery: ClaimedDelivery) -> list[str]:
        log = await self.pool.fetchval(
            "SELECT attempt_log FROM dispatch.deliveries WHERE delivery_id = $1",
            delivery.task.delivery_id,
        )
        return [attempt.response for attempt in AttemptLog.FromString(log).attempts]

    async def secrets(self) -> list[str]:
        response = await self.servicer.GetWebhookSecrets(
            GetWebhookSecretsRequest(recipient_id="alice"), NO_CONTEXT
        )
        return [secret.secret for secret in response.secrets]

    async def rotate(self, overlap: timedelta, request_id: str = "") -> datetime:
        span = Duration()
        span.FromTimedelta(overlap)
        response = await self.servicer.RotateWebhookSecrets(
            RotateWebhookSecretsRequest(overlap=span, request_id=request_id), NO_CONTEXT
        )
        return response.overlap_end_time.ToDatetime(UTC)


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with open_pool(database_url, application="test") as pool:
        await migrate(pool, package="services.dispatch", schema="dispatch")
        await pool.execute("TRUNCATE dispatch.deliveries, dispatch.webhook_roots")
        incarnation = Incarnation(pool, schema="dispatch", lease=timedelta(hours=1))
        await incarnation.begin(sole=True)
        set_caller(Caller(tenant_id="demo", subject="key", scopes=frozenset()))
        # Nobody subscribes.
        async with EventOutbox(
            pool, schema="dispatch", broker=MemoryBroker(), interval=timedelta(hours=1)
        ) as events:
            yield Bench(pool, incarnation.incarnation_id, events)


def verifies(secret: str, request: Received) -> bool:
    try:
        Verifier(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_a_retry_has_the_same_id_and_another_time(bench: Bench) -> None:
    answers = iter([status(503, "Retry-After: 0"), status(401), status(200)])

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        await next(answers)(request, writer)

    async with open_receiver(answer) as receiver, bench.sender() as s:
        claimed = await bench.claim(f"http://hook.example:{receiver.port}/")
        await bench.send(s, claimed)
        for _ in range(2):
            assert await bench.states(claimed) != [(DeliveryState.SENT, 3)]
            await bench.send_again(s)
    assert await bench.states(claimed) == [(DeliveryState.SENT, 3)]
    assert await bench.log(claimed[0]) == ["503", "401", "200"]
    headers = [request.headers for request in receiver.requests]
    assert {h["webhook-id"] for h in headers} == {str(claimed[0].task.delivery_id)}
    assert len({h["webhook-timestamp"] for h in headers}) == 3
    (secret,) = await bench.secrets()
    assert all(verifies(secret, request) for request in receiver.requests)


async def test_without_an_answer_it_is_sent_again_whatever_the_guarantee(bench: Bench) -> None:
    async def silence(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with open_receiver(silence) as receiver, bench.sender(seconds=0.3) as sender:
        url = f"http://hook.example:{receiver.port}/"
        claimed = await bench.claim(url, guarantee=AT_MOST_ONCE)
        await bench.send(sender, claimed)
        assert await bench.states(claimed) == [(DeliveryState.RETRY, 1)]
        receiver.answer = status(200)
        await bench.send_again(sender)
    assert await bench.states(claimed) == [(DeliveryState.SENT, 2)]
    assert await bench.log(claimed[0]) == ["no answer in time", "200"]


async def test_what_is_refused_fails_at_once(bench: Bench) -> None:
    async with open_receiver(status(410)) as receiver, bench.sender() as sender:
        claimed = await bench.claim(
            f"http://hook.example:{receiver.port}/", "http://169.254.169.254/latest/meta-data/"
        )
        await bench.send(sender, claimed)
    assert await bench.states(claimed) == [(DeliveryState.FAILED, 1)] * 2
    (refused,) = await bench.log(claimed[1])
    assert refused.startswith("not called (link_local): ")


async def test_what_waits_for_an_endpoint_holds_up_no_other(bench: Bench) -> None:
    release = asyncio.Event()
    at_once = most = 0

    async def slow(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await release.wait()
        at_once -= 1
        await status(200)(request, writer)

    async with AsyncExitStack() as stack:
        slow_one = await stack.enter_async_context(open_receiver(slow))
        quick_one = await stack.enter_async_context(open_receiver(status(200)))
        sender = await stack.enter_async_context(bench.sender(seconds=30, slots=8, places=2))
        lane = Lane(
            WEBHOOK,
            NORMAL,
            deliver=lambda batch: bench.send(sender, batch),
            deliver_alone=lambda delivery: bench.send(sender, [delivery]),
            give_back=lambda batch: bench.send(sender, batch),
            solitude=Solitude(),
            claim_deadline=timedelta(hours=1),
            capacity=40,
            batch=4,
            abreast=10,
        )
        loops = Loops()
        loops.add("lane", lane.run)
        loops.start()
        stack.push_async_callback(loops.stop)
        stack.push_async_callback(lane.finish, 10)
        stack.callback(release.set)

        waiting = await bench.claim(*[f"http://slow.example:{slow_one.port}/"] * 30)
        quick = await bench.claim(
            *(f"http://quick-{n}.example:{quick_one.port}/" for n in range(30))
        )
        for claimed in (waiting, quick):
            await lane.room.take(len(claimed))
            lane.put(claimed)

        async def quick_are_through() -> bool:
            return await bench.states(quick) == [(DeliveryState.SENT, 1)] * 30

        assert await eventually(quick_are_through)
        assert at_once == 2

        async def others_gave_up_waiting() -> bool:
            states = await bench.states(waiting)
            return sorted(states) == sorted(
                [(DeliveryState.SENDING, 1)] * 2 + [(DeliveryState.RETRY, 0)] * 28
            )

        assert await eventually(others_gave_up_waiting)
        assert most == 2


async def test_both_secrets_sign_until_the_overlap_ends(bench: Bench) -> None:
    (old,) = await bench.secrets()
    end = await bench.rotate(timedelta(hours=1))
    assert timedelta(minutes=59) < end - datetime.now(UTC) <= timedelta(hours=1)
    new, still = await bench.secrets()
    assert still == old != new
    async with open_receiver(status(200)) as receiver, bench.sender() as sender:
        url = f"http://hook.example:{receiver.port}/"
        await bench.send(sender, await bench.claim(url))
        # Compromised: what signs today stops at once, whatever was promised before.
        await bench.rotate(timedelta())
        (newest,) = await bench.secrets()
        await bench.send(sender, await bench.claim(url))
    during, after = receiver.requests
    assert [verifies(secret, during) for secret in (new, old, newest)] == [True, True, False]
    assert [verifies(secret, after) for secret in (new, old, newest)] == [False, False, True]


async def test_two_processes_that_are_first_agree(bench: Bench) -> None:
    found = await asyncio.gather(
        *(
            WebhookRoots(bench.pool, secrets=CLUSTER_SECRETS, clock=SystemClock()).of(
                ["demo", "other"]
            )
            for _ in range(8)
        )
    )
    assert len({roots["demo"][0].key for roots in found}) == 1
    assert found[0]["demo"][0].key != found[0]["other"][0].key


async def test_rotations_at_once_leave_one_newest(bench: Bench) -> None:
    await asyncio.gather(*(bench.rotate(timedelta(hours=1)) for _ in range(14)))
    secrets = await bench.secrets()
    assert len(secrets) == len(set(secrets)) == 10
    rows = await bench.pool.fetchval(
        "SELECT count(*) FROM dispatch.webhook_roots WHERE expire_time IS NULL"
    )
    assert rows == 1


async def test_a_rotation_that_is_repeated_rotates_once(bench: Bench) -> None:
    end = await bench.rotate(timedelta(hours=1), "once")
    assert await bench.rotate(timedelta(hours=1), "once") == end
    assert len(await bench.secrets()) == 1
    with pytest.raises(RequestIdReused):
        await bench.rotate(timedelta(hours=2), "once")


async def test_secrets_do_not_show_where_values_are_printed(bench: Bench) -> None:
    (root,) = (await bench.roots.of(["demo"]))["demo"]
    assert repr(root.key) not in repr(root)


async def test_a_tenant_whose_secrets_do_not_open_waits_and_holds_up_no_other(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_receiver(status(200)) as receiver, bench.sender() as sender:
        url = f"http://hook.example:{receiver.port}/"
        await bench.roots.of(["demo", "other"])
        unmoved = await bench.pool.fetchval(
            "SELECT sealed_root FROM dispatch.webhook_roots WHERE tenant_id = 'demo'"
        )
        await bench.pool.execute(
            "UPDATE dispatch.webhook_roots AS mine SET sealed_root = other.sealed_root"
            " FROM dispatch.webhook_roots AS other"
            " WHERE mine.tenant_id = 'demo' AND other.tenant_id = 'other'"
        )
        waiting = await bench.claim(url)
        others = await bench.claim(url, tenant_id="other")
        await bench.send(sender, [*waiting, *others])
        assert await bench.states(waiting) == [(DeliveryState.RETRY, 0)]
        assert await bench.states(others) == [(DeliveryState.SENT, 1)]
        assert len(receiver.requests) == 1
        with pytest.raises(WebhookSecretsUnreadable):
            await bench.secrets()
        tell = next(r for r in caplog.records if r.msg == "webhook_root_unreadable")
        assert "its seal is broken" in tell.why  # type: ignore[attr-defined]
        # Mended, it goes on.
        await bench.pool.execute(
            "UPDATE dispatch.webhook_roots SET sealed_root = $1 WHERE tenant_id = 'demo'", unmoved
        )
        await bench.send_again(sender)
    assert await bench.states(waiting) == [(DeliveryState.SENT, 1)]


async def test_rotated_without_overlap_a_tenant_whose_secrets_do_not_open_has_new_ones(
    bench: Bench,
) -> None:
    await bench.secrets()
    await bench.pool.execute("UPDATE dispatch.webhook_roots SET sealed_root = $1", b"x" * 69)
    with pytest.raises(WebhookSecretsUnreadable):
        await bench.secrets()
    await bench.rotate(timedelta())
    assert len(await bench.secrets()) == 1
