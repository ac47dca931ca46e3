"""Records what events state."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from libs.errors import DependencyUnavailable
from services.tracking.domain.models import Stated
from services.tracking.store.recording import RecordingStore

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class RecordEvents:
    """Several batches in one transaction. While PostgreSQL is away they are held, not given back: a
    broker counts how often a message comes back."""

    def __init__(self, *, store: RecordingStore) -> None:
        self._store = store
        self._stopped = asyncio.Event()

    async def stop(self) -> None:
        """Has nothing held any longer: what is not committed comes again from the broker."""
        self._stopped.set()

    async def __call__(self, batches: Sequence[Stated]) -> list[None]:
        """Returns when all is committed; answers one None each. Once stopped it raises
        DependencyUnavailable instead of waiting."""
        deliveries = list(chain.from_iterable(stated.deliveries for stated in batches))
        facts = list(chain.from_iterable(stated.facts for stated in batches))
        pause = _FIRST_PAUSE_S
        while True:
            try:
                await self._store.record(deliveries, facts)
                return [None] * len(batches)
            except DependencyUnavailable as error:
                if self._stopped.is_set():
                    raise
                _log.warning("events_wait", extra={"why": error.message})
            with suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(0, pause)):
                    await self._stopped.wait()
            pause = min(pause * 2, _LONGEST_PAUSE_S)
