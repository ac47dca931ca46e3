"""Says whether recipients may be stored as they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.egress.policy import EgressPolicy
from libs.egress.refusal import EgressRefused
from libs.egress.urls import check_url
from libs.errors import TidingsError
from services.preference.domain.errors import FieldsRefused, WebhookUrlRefused
from services.preference.domain.models import RecipientProfile
from services.preference.domain.profile_rules import check_profile


@dataclass(frozen=True, slots=True)
class CheckProfiles:
    """Looks at profiles before the transaction that stores them: a check may take its time."""

    egress: EgressPolicy

    async def __call__(self, profiles: Sequence[RecipientProfile]) -> list[TidingsError | None]:
        """Returns what is wrong with each, None where nothing is."""
        return [self._fault(profile) for profile in profiles]

    def _fault(self, profile: RecipientProfile) -> TidingsError | None:
        try:
            check_profile(profile)
            if profile.webhook_url:
                # Its name is resolved and checked by who calls it, each time.
                check_url(profile.webhook_url, self.egress)
        except FieldsRefused as error:
            return error
        except EgressRefused as refusal:
            return WebhookUrlRefused(refusal.rule, str(refusal))
        return None
