"""What a webhook says and how it is signed: Standard Webhooks 1.0."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import UTC, datetime

_PREFIX = "whsec_"


def derive_secret(root: bytes, recipient_id: str) -> bytes:
    """Returns the 32 bytes that sign a recipient's webhooks: nobody who is notified learns another's."""
    return hmac.digest(root, b"webhook:" + recipient_id.encode(), hashlib.sha256)


def show_secret(secret: bytes) -> str:
    """Returns a secret as receivers configure it."""
    return _PREFIX + base64.b64encode(secret).decode()


def payload(category: str, accept_time: datetime, data: str) -> bytes:
    """Returns the body: its type, when it was accepted, and `data`, which is JSON and stays as it is."""
    moment = accept_time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'{{"type":{json.dumps(category)},"timestamp":"{moment}","data":{data}}}'.encode()


def sign(secrets: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Returns the signatures by each secret, separated by spaces. `timestamp` is in seconds since 1970."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
