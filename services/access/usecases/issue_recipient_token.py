"""Issues a token for one recipient's app."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from libs.clock import Clock, mint_uuid7
from libs.identity.authenticator import AUDIENCE, ISSUER
from services.access.domain.lifetime import token_expiry
from services.access.domain.models import RecipientToken
from services.access.domain.signing_key import SigningKey


@dataclass(frozen=True, slots=True)
class IssueRecipientToken:
    """Signs what the authenticators of all services believe."""

    signing_key: SigningKey
    clock: Clock

    def __call__(
        self, tenant_id: str, recipient_id: str, lifetime: timedelta | None
    ) -> RecipientToken:
        """Returns the token; `lifetime` None means one hour."""
        now = self.clock.now()
        expire_time = token_expiry(now, lifetime)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": recipient_id,
            "tenant": tenant_id,
            "iat": int(now.timestamp()),
            "exp": int(expire_time.timestamp()),
            "jti": str(mint_uuid7(now)),
        }
        return RecipientToken(token=self.signing_key.sign(claims), expire_time=expire_time)
