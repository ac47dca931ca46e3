"""What sends webhooks in a process, over a real ledger."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from unittest.mock import Mock
from uuid import UUID, uuid4

import grpc
from google.protobuf.duration_pb2 import Duration
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from libs.clock import SystemClock
from libs.egress.connecting import GuardedDialer, tls_context
from libs.egress.policy import EgressPolicy
from libs.events import EventOutbox
from libs.idempotency import RequestIds
from libs.postgres.pool import Pool
from libs.postgres.transaction import in_transaction
from services.dispatch.channels.webhook import HttpWebhookProvider
from services.dispatch.domain.models import (
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
from services.dispatch.usecases.places import Places
from services.dispatch.usecases.rotate_webhook_secrets import RotateWebhookSecrets
from services.dispatch.usecases.send_webhook import SendWebhook
from services.dispatch.usecases.slots import Slots
from tests.integration.hosting import CLUSTER_SECRETS
from tests.support.receiver import Received
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


class WebhookBench:
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


def verifies(secret: str, request: Received) -> bool:
    try:
        Verifier(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True
