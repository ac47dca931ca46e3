"""Tells preference which endpoints are gone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from libs.errors import DependencyUnavailable
from libs.failpoints import failpoint
from services.dispatch.clients import Preference
from services.dispatch.store.gone_endpoints import GoneEndpointStore

_log = logging.getLogger(__name__)

_BATCH = 200
_AGAIN_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class TellGoneEndpoints:
    """Tells what is due, and again until preference has committed it: it may hear of an endpoint twice."""

    store: GoneEndpointStore
    preference: Preference

    async def __call__(self) -> None:
        """Ends when nothing is due, or preference is away."""
        while endpoints := await self.store.take(limit=_BATCH, again_after=_AGAIN_AFTER):
            try:
                await self.preference.report_gone(endpoints)
            except DependencyUnavailable:
                _log.warning("gone_endpoints_not_told", extra={"endpoints": len(endpoints)})
                return
            failpoint("dispatch.gone_told")
            await self.store.delete(endpoints)
