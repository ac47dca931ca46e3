"""Page tokens: where a list goes on, bound to the list they were given for.

A token is no secret and grants nothing: each page is authorised anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from libs.errors import InvalidPageToken
from services.preference.domain.page import DEFAULT_PAGE_SIZE, PageRequest

_SEAL_BYTES = 8


def page_from_proto(listing: str, tenant_id: str, page_size: int, page_token: str) -> PageRequest:
    """Reads the paging fields of a request; raises InvalidPageToken."""
    size = page_size or DEFAULT_PAGE_SIZE
    if not page_token:
        return PageRequest(size=size)
    try:
        data = base64.urlsafe_b64decode(page_token + "=" * (-len(page_token) % 4))
        key = data[_SEAL_BYTES:].decode()
    except (binascii.Error, ValueError):
        raise InvalidPageToken from None
    if data[:_SEAL_BYTES] != _seal(listing, tenant_id, key):
        raise InvalidPageToken
    return PageRequest(size=size, after=key)


def page_token_to_proto(listing: str, tenant_id: str, last_key: str | None) -> str:
    """Returns the token of the next page, or '' after the last."""
    if last_key is None:
        return ""
    data = _seal(listing, tenant_id, last_key) + last_key.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _seal(listing: str, tenant_id: str, key: str) -> bytes:
    subject = f"{listing}\0{tenant_id}\0{key}".encode()
    return hashlib.blake2b(subject, digest_size=_SEAL_BYTES).digest()
