"""Page tokens: where a list goes on, bound to the tenant they were given to.

A token is no secret and grants nothing: each page is authorised anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from libs.errors import InvalidPageToken
from services.template.domain.page import DEFAULT_PAGE_SIZE, PageRequest

_SEAL_BYTES = 8


def page_from_proto(tenant_id: str, page_size: int, page_token: str) -> PageRequest:
    """Reads the paging fields of a request; raises InvalidPageToken."""
    size = page_size or DEFAULT_PAGE_SIZE
    if not page_token:
        return PageRequest(size=size)
    try:
        data = base64.urlsafe_b64decode(page_token + "=" * (-len(page_token) % 4))
        name = data[_SEAL_BYTES:].decode()
    except (binascii.Error, ValueError):
        raise InvalidPageToken from None
    # The seal is no secret, and PostgreSQL takes no text with a zero in it.
    if "\0" in name or data[:_SEAL_BYTES] != _seal(tenant_id, name):
        raise InvalidPageToken
    return PageRequest(size=size, after=name)


def page_token_to_proto(tenant_id: str, last_name: str | None) -> str:
    """Returns the token of the next page, or '' after the last."""
    if last_name is None:
        return ""
    data = _seal(tenant_id, last_name) + last_name.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _seal(tenant_id: str, name: str) -> bytes:
    subject = f"templates\0{tenant_id}\0{name}".encode()
    return hashlib.blake2b(subject, digest_size=_SEAL_BYTES).digest()
