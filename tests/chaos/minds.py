"""Recipients who move and change their minds all the time, as they do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from tests.chaos.patience import CALL_SECONDS, PASSING
from tests.chaos.tenants import AT_MOST_ONCE, Tenant
from tests.support.api import BOTH, CATEGORY
from tidings.preference.v1.preference_service_pb2 import (
    Preference,
    PreferenceChoice,
    UpdatePreferencesRequest,
)
from tidings.preference.v1.recipient_service_pb2 import Recipient, UpsertRecipientRequest


@dataclass(frozen=True, slots=True)
class Minds:
    """Changes addresses and preferences of fickle recipients."""

    chance: random.Random
    tenants: Sequence[Tenant]

    async def run(self) -> None:
        """Changes something a few times a second until cancelled."""
        version = 0
        while True:
            await asyncio.sleep(self.chance.uniform(0.1, 0.4))
            tenant = self.chance.choice(self.tenants)
            recipient = self.chance.choice(tenant.fickle)
            version += 1
            try:
                if self.chance.random() < 0.6:
                    await _move(tenant, recipient, version)
                else:
                    await self._choose(tenant, recipient)
            except grpc.aio.AioRpcError as error:
                if error.code() not in PASSING:
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
            timeout=CALL_SECONDS,
        )


async def _move(tenant: Tenant, recipient: str, version: int) -> None:
    await tenant.settled.recipients.UpsertRecipient(
        UpsertRecipientRequest(
            recipient=Recipient(
                recipient_id=recipient, emails=[f"{recipient}-{version}@example.com"]
            )
        ),
        metadata=tenant.settled.metadata,
        timeout=CALL_SECONDS,
    )
