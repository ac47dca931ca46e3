"""Keeps when items first reached a stream."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from libs.clock import Clock
from libs.errors import DependencyUnavailable
from services.inbox.domain.models import InboxKey, Item
from services.inbox.store.deliveries import DeliveryStore

_log = logging.getLogger(__name__)
_MOST_PENDING = 100_000
_WRITES_PER_STATEMENT = 2_000


class StreamWriteRecorder:
    """Notes writes as they happen and stores them together, now and then."""

    def __init__(self, store: DeliveryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._pending: dict[tuple[InboxKey, UUID], datetime] = {}

    def note(self, key: InboxKey, items: Iterable[Item]) -> list[Item]:
        """Notes that items were written to a stream of their inbox just now; returns those that were
        never before, as far as is known here."""
        now = self._clock.now()
        noted: list[Item] = []
        for item in items:
            if item.streamed:
                continue
            if len(self._pending) >= _MOST_PENDING:
                # Only with the database long away. A receipt is a nicety; memory is not.
                _log.warning("stream_writes_dropped", extra={"pending": len(self._pending)})
                break
            if self._pending.setdefault((key, item.item_id), now) is now:
                noted.append(item)
        return noted

    async def flush(self) -> None:
        """Stores what was noted; what cannot be stored now stays noted."""
        while self._pending:
            names = list(self._pending)[:_WRITES_PER_STATEMENT]
            writes = {name: self._pending[name] for name in names}
            await self._store.record_stream_writes(writes)
            for name in names:
                self._pending.pop(name, None)

    async def close(self) -> None:
        """Stores what is left; stopping does not wait for a database that is away."""
        try:
            await self.flush()
        except DependencyUnavailable:
            _log.warning("stream_writes_dropped", extra={"pending": len(self._pending)})
