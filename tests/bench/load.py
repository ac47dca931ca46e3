"""Senders, and the streams that count what arrives.

At full speed the loop is closed: at most UNDELIVERED notifications are on their way, and who would send
more waits for arrivals. What is measured so is what can be kept up, not how fast a backlog builds.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import grpc

from tests.support.api import Api, send_request
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_IN_APP
from tidings.inbox.v1.inbox_stream_service_pb2 import StartLive, SubscribeRequest
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceStub
from tidings.ingestion.v1.ingestion_service_pb2 import (
    SendNotificationRequest,
    SendNotificationsRequest,
)

_CALLS_AT_ONCE = {True: 4, False: 64}
_ARRIVED_WITHIN_S = 30

UNDELIVERED = 1_000
"""Notifications sent and not yet arrived, at most, at full speed."""


class Arrivals:
    """A stream per recipient; remembers when each item was seen first."""

    def __init__(self, channel: grpc.aio.Channel, api: Api, recipients: Sequence[str]) -> None:
        self.times: dict[str, float] = {}
        self.news = asyncio.Event()
        """Set by every frame."""
        self._stub = InboxStreamServiceStub(channel)
        self._api = api
        self._recipients = recipients
        self._readers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Arrivals:
        opened = [asyncio.Event() for _ in self._recipients]
        self._readers = [
            asyncio.create_task(self._read(recipient, event))
            for recipient, event in zip(self._recipients, opened, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in opened))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _read(self, recipient: str, opened: asyncio.Event) -> None:
        request = SubscribeRequest(recipient_id=recipient, live=StartLive())
        call = self._stub.Subscribe(request, metadata=self._api.metadata)
        try:
            async for frame in call:
                now = time.perf_counter()
                if frame.HasField("opened"):
                    opened.set()
                for change in frame.changes.changes:
                    self.times.setdefault(change.item.item_id, now)
                self.news.set()
        finally:
            call.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was sent, and what of it arrived."""

    accepted: float
    """Per second, while sending."""
    delivered: float
    """Per second, from the first call to the last arrival."""
    seconds: Sequence[float]
    """From call to arrival, one for each, sorted."""

    def figures(self) -> dict[str, float]:
        """Returns the rates, and the latency while as much is sent as goes in."""
        rates = {
            "accepted_per_second": round(self.accepted, 1),
            "delivered_per_second": round(self.delivered, 1),
            "notifications": len(self.seconds),
        }
        return rates | self.latencies("")

    def latencies(self, prefix: str) -> dict[str, float]:
        """Returns median and 99th percentile in milliseconds."""
        percentiles = statistics.quantiles(self.seconds, n=100)
        return {
            f"{prefix}p50_ms": round(percentiles[49] * 1000, 1),
            f"{prefix}p99_ms": round(percentiles[98] * 1000, 1),
        }


class _Sender:
    """Sends, and remembers when each call began."""

    def __init__(self, api: Api, recipients: Sequence[str]) -> None:
        self.begun: dict[str, float] = {}
        self.sent = 0
        self._api = api
        self._recipients = recipients

    def _request(self) -> SendNotificationRequest:
        self.sent += 1
        recipient = self._recipients[self.sent % len(self._recipients)]
        return send_request(recipient, channels=[CHANNEL_IN_APP])

    async def send(self, size: int) -> None:
        if size == 1:
            request = self._request()
            now = time.perf_counter()
            answer = await self._api.ingestion.SendNotification(
                request, metadata=self._api.metadata, timeout=20
            )
            self.begun[answer.notification_id] = now
            return
        entries = [self._request() for _ in range(size)]
        now = time.perf_counter()
        response = await self._api.ingestion.SendNotifications(
            SendNotificationsRequest(entries=entries), metadata=self._api.metadata, timeout=20
        )
        for result in response.results:
            self.begun[result.accepted.notification_id] = now


async def batches(
    api: Api, arrivals: Arrivals, recipients: Sequence[str], *, size: int, seconds: float
) -> Run:
    """Sends as fast as notifications arrive, some calls at once."""
    sender = _Sender(api, recipients)
    begun, before = time.perf_counter(), len(arrivals.times)

    async def worker() -> None:
        while time.perf_counter() - begun < seconds:
            if sender.sent + size - (len(arrivals.times) - before) > UNDELIVERED:
                arrivals.news.clear()
                await arrivals.news.wait()
            else:
                await sender.send(size)

    await asyncio.gather(*(worker() for _ in range(_CALLS_AT_ONCE[size > 1])))
    return await _settle(sender, arrivals, begun)


async def singles(
    api: Api, arrivals: Arrivals, recipients: Sequence[str], *, seconds: float
) -> Run:
    """Sends single calls as fast as notifications arrive."""
    return await batches(api, arrivals, recipients, size=1, seconds=seconds)


async def paced(
    api: Api,
    arrivals: Arrivals,
    recipients: Sequence[str],
    *,
    size: int,
    rate: float,
    seconds: float,
) -> Run:
    """Sends at a rate, whatever the answers do."""
    sender = _Sender(api, recipients)
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as calls:
        for number in range(int(rate * seconds / size)):
            await asyncio.sleep(max(0.0, begun + number * size / rate - time.perf_counter()))
            calls.create_task(sender.send(size))
    return await _settle(sender, arrivals, begun)


async def _settle(sender: _Sender, arrivals: Arrivals, begun: float) -> Run:
    """Waits for the last arrival."""
    sent = time.perf_counter()
    await eventually(lambda: sender.begun.keys() <= arrivals.times.keys(), within=_ARRIVED_WITHIN_S)
    last = max(arrivals.times[key] for key in sender.begun)
    return Run(
        accepted=len(sender.begun) / (sent - begun),
        delivered=len(sender.begun) / (last - begun),
        seconds=sorted(arrivals.times[key] - start for key, start in sender.begun.items()),
    )
