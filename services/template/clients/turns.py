"""Who comes next where only a few can be served at once: whoever's last turn is longest ago."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf

_MOST_REMEMBERED = 10_000


class TurnMissed(Exception):
    """Others have spent what could be waited for."""


@dataclass(slots=True)
class _Waiting:
    granted: asyncio.Future[bool]
    until: float


class Turns:
    """Gives turns to `at_once` tenants at a time, one to each. However much one of them has waiting, another
    waits for the turns in progress and one turn of each tenant that was not served since, and no more.
    """

    def __init__(self, *, at_once: int = 1) -> None:
        self._at_once = at_once
        self._holding: set[str] = set()
        self._waiting: dict[str, deque[_Waiting]] = {}
        # Who was served in which turn, the longest ago first.
        self._served: OrderedDict[str, int] = OrderedDict()
        self._count = 0
        self.spent = 0
        """What all turns have cost together, as their holders say."""

    @asynccontextmanager
    async def of(self, tenant_id: str, *, until: float = inf) -> AsyncIterator[None]:
        """Holds a turn of a tenant. Raises TurnMissed when it has not begun before `spent` is `until`."""
        await self._take(tenant_id, until)
        try:
            yield
        finally:
            self._give_back(tenant_id)

    def next_of(self, tenant_ids: Iterable[str]) -> str:
        """Returns who of these is served before the others; of those never served, the first."""
        return min(tenant_ids, key=lambda tenant_id: self._served.get(tenant_id, 0))

    async def _take(self, tenant_id: str, until: float) -> None:
        if self.spent >= until:
            raise TurnMissed
        # While there is a place, nobody waits but for a turn of their own tenant.
        if len(self._holding) < self._at_once and tenant_id not in self._holding:
            self._begin(tenant_id)
            return
        granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(_Waiting(granted, until))
        try:
            if not await granted:
                raise TurnMissed
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.result():
                # It came in the moment in which the caller went away.
                self._give_back(tenant_id)
            raise

    def _begin(self, tenant_id: str) -> None:
        self._holding.add(tenant_id)
        self._count += 1
        self._served[tenant_id] = self._count
        self._served.move_to_end(tenant_id)
        if len(self._served) > _MOST_REMEMBERED:
            self._served.popitem(last=False)

    def _give_back(self, tenant_id: str) -> None:
        self._holding.remove(tenant_id)
        self._send_away()
        while len(self._holding) < self._at_once:
            able = [tenant for tenant in self._waiting if tenant not in self._holding]
            if not able:
                return
            chosen = self.next_of(able)
            waiting = self._waiting[chosen]
            self._begin(chosen)
            waiting.popleft().granted.set_result(True)
            if not waiting:
                del self._waiting[chosen]

    def _send_away(self) -> None:
        """Drops who has gone, and refuses who can wait no longer."""
        for tenant_id, waiting in list(self._waiting.items()):
            staying: deque[_Waiting] = deque()
            for entry in waiting:
                if entry.granted.done():
                    continue
                if self.spent >= entry.until:
                    entry.granted.set_result(False)
                else:
                    staying.append(entry)
            if staying:
                self._waiting[tenant_id] = staying
            else:
                del self._waiting[tenant_id]
