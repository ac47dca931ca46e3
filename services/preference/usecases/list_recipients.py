"""Lists recipients."""

from __future__ import annotations

from dataclasses import dataclass

from libs.paging import Page, PageRequest
from services.preference.domain.filters import RecipientFilter
from services.preference.domain.models import Recipient
from services.preference.store.recipients import RecipientStore


@dataclass(frozen=True, slots=True)
class ListRecipients:
    """Returns recipients by id."""

    store: RecipientStore

    async def __call__(
        self, tenant_id: str, wanted: RecipientFilter, page: PageRequest
    ) -> Page[Recipient]:
        """Returns the page after the last id of the page before."""
        found = await self.store.list_page(tenant_id, wanted, page)
        return Page.cut(found, page, key=lambda recipient: recipient.profile.recipient_id)
