"""Loads published versions, which never change, and keeps those used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection

from services.template.domain.models import Content, VersionKey
from services.template.store.versions import VersionStore

_MOST_KEPT = 500


class LoadVersions:
    """Returns contents by key, with one statement for those that are not at hand."""

    def __init__(self, store: VersionStore, *, most_kept: int = _MOST_KEPT) -> None:
        self._store = store
        self._most_kept = most_kept
        self._kept: OrderedDict[VersionKey, Content] = OrderedDict()

    async def __call__(self, keys: Collection[VersionKey]) -> dict[VersionKey, Content]:
        """Leaves out what is not published."""
        # Taken before the database is asked: meanwhile other batches may push them out.
        found = {key: self._kept[key] for key in keys if key in self._kept}
        wanted = [key for key in keys if key not in found]
        if wanted:
            found |= await self._store.load(wanted)
        self._keep(found)
        return found

    def _keep(self, used: dict[VersionKey, Content]) -> None:
        for key, content in used.items():
            self._kept[key] = content
            self._kept.move_to_end(key)
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)
