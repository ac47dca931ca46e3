"""Gets the signing keys ready when a process starts."""

from __future__ import annotations

from dataclasses import dataclass

from libs.clock import Clock
from services.access.domain.signing_key import SigningKey, json_web_key_set
from services.access.store.signing_keys import SigningKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The key that signs, and the public keys of all that did."""

    signing_key: SigningKey
    json_web_key_set: str


async def open_key_ring(signing_keys: SigningKeys, clock: Clock) -> KeyRing:
    """Returns the stored keys, after making the first one if there is none; raises Unopenable."""
    keys = await signing_keys.list()
    if not keys:
        # Of processes that come here at once only one stores its key, so all read again.
        await signing_keys.add(SigningKey.generate(), clock.now())
        keys = await signing_keys.list()
    return KeyRing(signing_key=keys[0], json_web_key_set=json_web_key_set(keys))
