"""Lists a template's versions."""

from __future__ import annotations

from dataclasses import dataclass

from libs.errors import InvalidPageToken
from libs.paging import Page, PageRequest
from services.template.domain.models import Version
from services.template.store.templates import TemplateStore

_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class ListTemplateVersions:
    """Returns the published versions of a template, newest first."""

    store: TemplateStore

    async def __call__(self, tenant_id: str, name: str, request: PageRequest) -> Page[Version]:
        """Returns the page after the last version of the page before; raises TemplateNotFound or InvalidPageToken."""
        before = _version_from_key(request.after)
        found = await self.store.list_versions(tenant_id, name, before, request.limit)
        return Page.cut(found, request, key=lambda version: str(version.version))


def _version_from_key(key: str) -> int:
    if not key:
        return 0
    # Anyone can make a token.
    if not (key.isascii() and key.isdigit() and len(key) <= _MOST_DIGITS):
        raise InvalidPageToken
    return int(key)
