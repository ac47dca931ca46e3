"""Lists preferences of all recipients."""

from __future__ import annotations

from dataclasses import dataclass

from libs.paging import Page, PageRequest
from services.preference.domain.filters import PreferenceFilter
from services.preference.domain.models import ListedPreference
from services.preference.store.preferences import PreferenceStore


@dataclass(frozen=True, slots=True)
class ListPreferences:
    """Returns preferences by recipient, category and channel."""

    store: PreferenceStore

    async def __call__(
        self, tenant_id: str, wanted: PreferenceFilter, page: PageRequest
    ) -> Page[ListedPreference]:
        """Returns the page after the last preference of the page before; raises InvalidPageToken."""
        found = await self.store.list_page(tenant_id, wanted, page)
        return Page.cut(found, page, key=self.store.key_of)
