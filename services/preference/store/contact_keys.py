"""Keys under which a recipient is found by an address.

A key is a digest of tenant, kind and address: one index finds all kinds, the tenant's own only, and
repeats no address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

from libs.clock import uuid_of


def contact_keys(
    tenant_id: str, *, emails: Iterable[str], phone_numbers: Iterable[str]
) -> list[UUID]:
    """Returns a key for each address; for mail addresses whatever their case."""
    keys = [_key(tenant_id, "email", email.lower()) for email in emails]
    keys += [_key(tenant_id, "phone", number) for number in phone_numbers]
    return sorted(set(keys))


def _key(tenant_id: str, kind: str, address: str) -> UUID:
    subject = f"{tenant_id}\0{kind}\0{address}".encode()
    return uuid_of(hashlib.blake2b(subject, digest_size=16).digest())
