"""What clients do in a run: sends with retries, repeats, and recipients who change their minds."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import uuid4

import grpc

from libs.rpc.channel import open_channel
from tests.chaos.checker import Request
from tests.chaos.cluster import Cluster
from tests.chaos.readers import Reader
from tests.support.api import BOTH, CATEGORY, Api, send_request
from tidings.common.v1.priority_pb2 import Priority
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancellationResult,
    CancelNotificationRequest,
    SendNotificationRequest,
)
from tidings.internal.access.v1.tenant_service_pb2 import (
    CreateAdminKeyRequest,
    CreateTenantRequest,
)
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceStub
from tidings.preference.v1.category_service_pb2 import (
    CATEGORY_CLASS_TRANSACTIONAL,
    Category,
    Guarantee,
    UpsertCategoryRequest,
)
from tidings.preference.v1.preference_service_pb2 import (
    Preference,
    PreferenceChoice,
    UpdatePreferencesRequest,
)
from tidings.preference.v1.recipient_service_pb2 import Recipient, UpsertRecipientRequest

Answer = TypeVar("Answer")

AT_MOST_ONCE = "login.code"
_TENANTS = 3
_RECIPIENTS = 8
_CLIENTS = 24
_APPS = 2
_REPEATED = 0.05
_RETRYABLE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        # A gate that cannot ask whether a key is good must not say that it is bad; if it does,
        # the run ends and says so.
    }
)


@dataclass(slots=True)
class Tenant:
    """A tenant with its two views of the cluster: the services that hold still, and ingestion."""

    tenant_id: str
    settled: Api
    sending: Api
    recipients: list[str]
    refused: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By recipient the categories of which it once refused a channel."""


@dataclass(slots=True)
class _Send:
    tenant: Tenant
    request: SendNotificationRequest
    repeated: bool
    regret: float | None
    """Seconds after the answer at which it is cancelled."""
    answers: list[str] = field(default_factory=list)
    cancelled: bool = False
    stopped: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Workload:
    """A seeded history of one run."""

    chance: random.Random
    tenants: list[Tenant]
    at_most_once: float = 0.35
    """Share of sends in the category that would rather lose than repeat."""
    regretted: float = 0.06
    """Share of sends that are cancelled."""
    retries: int = 0
    sends: list[_Send] = field(default_factory=list)
    readers: dict[tuple[str, str], Reader] = field(default_factory=dict)
    """By tenant and recipient the apps that hold a stream open."""
    ceased: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def tenant_ids(self) -> list[str]:
        """Whose facts belong to this run."""
        return [tenant.tenant_id for tenant in self.tenants]

    def requests(self) -> list[Request]:
        """What was asked for and answered."""
        return [
            Request(
                request_id=send.request.request_id,
                answers=tuple(send.answers),
                may_be_suppressed=send.request.category
                in send.tenant.refused[send.request.recipient_id],
                cancelled=send.cancelled,
                stopped=frozenset(send.stopped),
            )
            for send in self.sends
        ]

    async def run(self, *, rate: float) -> None:
        """Sends in bursts of about `rate` a second until told to cease; returns when the last has
        its answer."""
        slots = asyncio.Semaphore(_CLIENTS)
        async with asyncio.TaskGroup() as group:
            changing = group.create_task(self._change_minds())
            while not self.ceased.is_set():
                burst = self.chance.randint(1, 40)
                for _ in range(burst):
                    send = self._compose()
                    self.sends.append(send)
                    await slots.acquire()
                    task = group.create_task(self._send(send))
                    task.add_done_callback(lambda _: slots.release())
                await _sleep_or(self.ceased, burst / rate)
            changing.cancel()

    def _compose(self) -> _Send:
        tenant = self.chance.choice(self.tenants)
        number = len(self.sends)
        request = send_request(
            self.chance.choice(tenant.recipients),
            variables={"order": number},
            request_id=f"{tenant.tenant_id}-{number}",
            category=AT_MOST_ONCE if self.chance.random() < self.at_most_once else CATEGORY,
        )
        request.priority = Priority.ValueType(self.chance.randint(0, 4))
        regretted = self.chance.random() < self.regretted
        return _Send(
            tenant,
            request,
            repeated=self.chance.random() < _REPEATED,
            regret=self.chance.expovariate(1 / 0.3) if regretted else None,
        )

    async def _send(self, send: _Send) -> None:
        api = send.tenant.sending
        for _ in range(1 + send.repeated):
            answer = await self._until_answered(
                lambda: api.ingestion.SendNotification(
                    send.request, metadata=api.metadata, timeout=4
                )
            )
            send.answers.append(answer.notification_id)
        if send.regret is not None:
            await asyncio.sleep(send.regret)
            # Noted before it is asked for: a call that fails may have been heard.
            send.cancelled = True
            request = CancelNotificationRequest(notification_id=send.answers[0])
            told = await self._until_answered(
                lambda: api.ingestion.CancelNotification(request, metadata=api.metadata, timeout=4)
            )
            send.stopped.update(
                delivery.delivery_id
                for delivery in told.deliveries
                if delivery.result == CancellationResult.CANCELLATION_RESULT_STOPPED
            )

    async def _until_answered(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() not in _RETRYABLE:
                    raise
                self.retries += 1
                await asyncio.sleep(0.1)

    async def _change_minds(self) -> None:
        """Addresses and preferences change all the time, as they do."""
        version = 0
        while True:
            await asyncio.sleep(self.chance.uniform(0.1, 0.4))
            tenant = self.chance.choice(self.tenants)
            recipient = self.chance.choice(tenant.recipients)
            version += 1
            try:
                if self.chance.random() < 0.6:
                    await _move(tenant, recipient, version)
                else:
                    await self._choose(tenant, recipient)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _RETRYABLE:
                    raise

    async def _choose(self, tenant: Tenant, recipient: str) -> None:
        category = self.chance.choice((CATEGORY, AT_MOST_ONCE))
        channel = self.chance.choice(BOTH)
        disabled = self.chance.random() < 0.5
        choice = (
            PreferenceChoice.PREFERENCE_CHOICE_DISABLED
            if disabled
            else PreferenceChoice.PREFERENCE_CHOICE_ENABLED
        )
        if disabled:
            # Noted before it is asked for: a call that fails may have been heard.
            tenant.refused[recipient].add(category)
        await tenant.settled.preferences.UpdatePreferences(
            UpdatePreferencesRequest(
                recipient_id=recipient,
                preferences=[Preference(category=category, channel=channel, choice=choice)],
            ),
            metadata=tenant.settled.metadata,
            timeout=4,
        )


@asynccontextmanager
async def open_workload(cluster: Cluster, seed: int) -> AsyncIterator[Workload]:
    """Sets up fresh tenants for a run."""
    async with (
        cluster.public_channel([cluster.core]) as settled,
        cluster.public_channel(cluster.ingestion) as sending,
    ):
        tenants = []
        for _ in range(_TENANTS):
            tenant_id, key = await _create_tenant(cluster)
            tenant = Tenant(
                tenant_id=tenant_id,
                settled=Api(settled, key),
                sending=Api(sending, key),
                recipients=[f"r{number}" for number in range(_RECIPIENTS)],
            )
            await tenant.settled.seed(tenant.recipients)
            await _add_category(tenant.settled)
            tenants.append(tenant)
        workload = Workload(chance=random.Random(f"workload {seed}"), tenants=tenants)
        async with _reading(workload):
            yield workload


@asynccontextmanager
async def _reading(workload: Workload) -> AsyncIterator[None]:
    """Has some recipients' apps open."""
    for tenant in workload.tenants:
        for recipient in tenant.recipients[:_APPS]:
            workload.readers[tenant.tenant_id, recipient] = Reader(tenant.settled, recipient)
    tasks = [asyncio.create_task(reader.run()) for reader in workload.readers.values()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _add_category(api: Api) -> None:
    category = Category(
        name=AT_MOST_ONCE,
        channels=BOTH,
        guarantee=Guarantee.GUARANTEE_AT_MOST_ONCE,
        **{"class": CATEGORY_CLASS_TRANSACTIONAL},  # type: ignore[arg-type]
    )
    await api.categories.UpsertCategory(
        UpsertCategoryRequest(category=category), metadata=api.metadata
    )


async def _create_tenant(cluster: Cluster) -> tuple[str, str]:
    """Creates a tenant; returns its id and an admin key."""
    tenant_id = f"t-{uuid4().hex[:12]}"
    address = cluster.core.internal_address
    async with open_channel(address, cluster_secret=cluster.secret) as channel:
        stub = TenantServiceStub(channel)
        await stub.CreateTenant(CreateTenantRequest(tenant_id=tenant_id))
        response = await stub.CreateAdminKey(CreateAdminKeyRequest(tenant_id=tenant_id))
    return tenant_id, response.secret


async def _move(tenant: Tenant, recipient: str, version: int) -> None:
    await tenant.settled.recipients.UpsertRecipient(
        UpsertRecipientRequest(
            recipient=Recipient(
                recipient_id=recipient, emails=[f"{recipient}-{version}@example.com"]
            )
        ),
        metadata=tenant.settled.metadata,
        timeout=4,
    )


async def _sleep_or(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
