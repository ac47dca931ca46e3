"""One send of a run: what was asked for, and all that was answered."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.facts import Request
from tests.chaos.tenants import AT_MOST_ONCE, Tenant
from tests.support.api import CATEGORY, send_request
from tidings.common.v1.priority_pb2 import Priority
from tidings.ingestion.v1.ingestion_service_pb2 import (
    CancellationResult,
    CancelNotificationResponse,
    SendNotificationRequest,
    SendNotificationResponse,
)
from tidings.ingestion.v1.notification_pb2 import NotificationState


@dataclass(slots=True)
class Send:
    """A request and its history."""

    tenant: Tenant
    request: SendNotificationRequest
    order: int
    repeated: bool = False
    regret: float | None = None
    """Seconds after the answer at which it is cancelled."""
    invalid: str = ""
    """Reason for which it must be refused."""
    answers: list[SendNotificationResponse] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    cancelled: bool = False
    told: CancelNotificationResponse | None = None

    def facts(self) -> Request:
        """Returns what the checker knows of it."""
        request = self.request
        first = {_but_for_the_flag(answer) for answer in self.answers}
        return Request(
            request_id=request.request_id,
            answers=tuple(answer.notification_id for answer in self.answers),
            revision=self.answers[0].revision if self.answers else 0,
            replays_differ=len(first) > 1,
            order=str(self.order),
            key=self._key(),
            due=request.send_time.ToNanoseconds() / 1e9 if request.HasField("send_time") else 0.0,
            invalid=self.invalid,
            refusals=tuple(self.refusals),
            may_be_suppressed=request.category in self.tenant.refused[request.recipient_id],
            cancelled=self.cancelled,
            fates=_fates(self.told) if self.told else {},
            never_planned=self.told is not None
            and self.told.state == NotificationState.NOTIFICATION_STATE_CANCELLED
            and not self.told.deliveries,
        )

    def _key(self) -> str:
        request = self.request
        if not request.collapse_key:
            return ""
        return f"{self.tenant.tenant_id}/{request.recipient_id}/{request.collapse_key}"


@dataclass(slots=True, kw_only=True)
class Composer:
    """Draws requests."""

    chance: random.Random
    tenants: Sequence[Tenant]
    at_most_once: float = 0.35
    """Share of sends in the category that would rather lose than repeat."""
    regretted: float = 0.06
    """Share of sends that are cancelled."""
    scheduled: float = 0.06
    """Share of sends that are to wait for a time a few seconds ahead."""
    repeated: float = 0.05
    """Share of sends that are asked for twice."""
    sends: list[Send] = field(default_factory=list)

    def tenant(self) -> Tenant:
        """Draws one of the tenants."""
        return self.chance.choice(self.tenants)

    def single(self) -> Send:
        """Draws a send of the kind that nothing follows, or a repetition, or a cancellation."""
        tenant = self.tenant()
        send = self.send(tenant, self.chance.choice(tenant.recipients))
        send.repeated = self.chance.random() < self.repeated
        if self.chance.random() < self.regretted:
            send.regret = self.chance.expovariate(1 / 0.3)
        return send

    def send(self, tenant: Tenant, recipient: str) -> Send:
        """Draws a send to a recipient."""
        number = len(self.sends)
        request = send_request(
            recipient,
            variables={"order": number},
            request_id=f"{tenant.tenant_id}-{number}",
            category=AT_MOST_ONCE if self.chance.random() < self.at_most_once else CATEGORY,
        )
        request.priority = Priority.ValueType(self.chance.randint(0, 4))
        if self.chance.random() < self.scheduled:
            request.send_time.FromNanoseconds(int((time.time() + self.chance.uniform(1, 4)) * 1e9))
        send = Send(tenant, request, number)
        self.sends.append(send)
        return send


def _but_for_the_flag(answer: SendNotificationResponse) -> bytes:
    first = SendNotificationResponse()
    first.CopyFrom(answer)
    first.replayed = False
    return first.SerializeToString(deterministic=True)


def _fates(told: CancelNotificationResponse) -> dict[str, str]:
    return {
        delivery.delivery_id: CancellationResult.Name(delivery.result).removeprefix(
            "CANCELLATION_RESULT_"
        )
        for delivery in told.deliveries
    }
