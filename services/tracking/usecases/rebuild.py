"""Makes the projection anew from dispatch's ledger."""

from __future__ import annotations

import asyncio
import logging
import time
from uuid import UUID

from libs.errors import DependencyUnavailable
from services.tracking.clients import Ledger
from services.tracking.domain.rebuild import Rebuild, pause_after
from services.tracking.store.rebuild import RebuildStore

_log = logging.getLogger(__name__)


class RebuildProjection:
    """Reads the ledger page by page and records it like events, until its end: from where the last page
    was committed, whoever died meanwhile. Between pages it rests, so that live events have the tables for
    most of the time; the longer a page takes beside them, the longer it rests."""

    def __init__(self, *, ledger: Ledger, store: RebuildStore, worker: UUID, share: float) -> None:
        self._ledger = ledger
        self._store = store
        self._worker = worker
        self._share = share

    async def __call__(self) -> None:
        """Works as long as there is something to do that nobody else does."""
        while claim := await self._store.claim(self._worker):
            began = time.monotonic()
            try:
                page = await self._ledger.page(claim)
            except DependencyUnavailable as error:
                _log.warning("rebuild_waits", extra={"why": error.message})
                # Another may reach dispatch.
                await self._store.release(self._worker)
                return
            await self._store.record(self._worker, claim, page)
            await asyncio.sleep(pause_after(time.monotonic() - began, share=self._share))


class ManageRebuild:
    """What the operator may do about it."""

    def __init__(self, store: RebuildStore) -> None:
        self._store = store

    async def start(self, *, from_nothing: bool) -> Rebuild | None:
        """Begins one, or finds one under way; returns how far it is."""
        await self._store.start(from_nothing=from_nothing)
        return await self._store.read()

    async def read(self) -> Rebuild | None:
        """Returns how far the last one is."""
        return await self._store.read()

    async def stop(self) -> Rebuild | None:
        """Ends what is under way; returns how far it came."""
        await self._store.stop()
        return await self._store.read()
