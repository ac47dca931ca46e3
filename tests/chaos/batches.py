"""Batches of sends, with entries in them that must be refused, each for itself."""

from __future__ import annotations

from dataclasses import dataclass

from google.rpc import error_details_pb2, status_pb2

from tests.chaos.patience import CALL_SECONDS, PASSING, Patience
from tests.chaos.sends import Composer, Send
from tests.chaos.tenants import Tenant
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationsRequest

_MOST = 100
_INVALID = 0.1
_REPEATED = 0.15
_PASSING_CODES = frozenset(code.value[0] for code in PASSING)


@dataclass(frozen=True, slots=True)
class Batches:
    """Composes and sends batches."""

    composer: Composer
    patience: Patience

    def compose(self) -> list[Send]:
        """Draws a batch of 1 to 100 entries of one tenant."""
        chance = self.composer.chance
        tenant = self.composer.tenant()
        return [self._entry(tenant) for _ in range(chance.randint(1, _MOST))]

    async def send(self, batch: list[Send]) -> None:
        """Calls with the same entries until each has an answer for good, and sometimes once more."""
        repeated = self.composer.chance.random() < _REPEATED
        await self._until_answered(batch)
        if repeated:
            await self._until_answered(batch)

    async def _until_answered(self, batch: list[Send]) -> None:
        api = batch[0].tenant.sending
        request = SendNotificationsRequest(entries=[send.request for send in batch])
        while True:
            response = await self.patience.until_answered(
                lambda: api.ingestion.SendNotifications(
                    request, metadata=api.metadata, timeout=2 * CALL_SECONDS
                )
            )
            passing = False
            for send, result in zip(batch, response.results, strict=True):
                if result.HasField("accepted"):
                    send.answers.append(result.accepted)
                elif result.error.code in _PASSING_CODES:
                    passing = True
                else:
                    send.refusals.append(_reason(result.error))
            if not passing:
                return
            await self.patience.pause()

    def _entry(self, tenant: Tenant) -> Send:
        chance = self.composer.chance
        send = self.composer.send(tenant, chance.choice(tenant.recipients))
        if chance.random() < _INVALID:
            self._spoil(send)
        return send

    def _spoil(self, send: Send) -> None:
        match self.composer.chance.randrange(4):
            case 0:
                send.request.recipient_id = "al ice"
                send.invalid = "INVALID_FIELD"
            case 1:
                send.request.recipient_id = "nobody"
                send.invalid = "RECIPIENT_NOT_FOUND"
            case 2:
                send.request.category = "never.heard.of"
                send.invalid = "CATEGORY_NOT_FOUND"
            case _:
                send.request.template.name = "never-written"
                send.invalid = "TEMPLATE_NOT_FOUND"


def _reason(error: status_pb2.Status) -> str:
    info = error_details_pb2.ErrorInfo()
    for detail in error.details:
        if detail.Unpack(info):
            return info.reason
    return f"no reason, code {error.code}"
