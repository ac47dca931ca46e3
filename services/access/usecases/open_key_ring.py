"""Gets the signing keys ready when a process starts."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from services.access.domain.signing_key import SigningKey, json_web_key_set
from services.access.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The key that signs, and the public keys of all that did."""

    signing_key: SigningKey
    json_web_key_set: str


async def open_key_ring(store: Store, clock: Clock) -> KeyRing:
    """Returns the stored keys, after making the first one if there is none."""
    keys = await store.list_signing_keys()
    if not keys:
        # Of processes that come here at once only one stores its key, so all read again.
        await store.add_signing_key(SigningKey.generate(), clock.now())
        keys = await store.list_signing_keys()
    return KeyRing(signing_key=keys[0], json_web_key_set=json_web_key_set(keys))
