"""What ingestion asks about a notification."""

from __future__ import annotations

from libs.values import value
from services.preference.domain.models import CategoryDefinition, Channel


@value
class _Subject:
    tenant_id: str
    recipient_id: str
    category: str

    @property
    def recipient_key(self) -> tuple[str, str]:
        """Names the recipient across tenants."""
        return self.tenant_id, self.recipient_id

    @property
    def category_key(self) -> tuple[str, str]:
        """Names the category across tenants."""
        return self.tenant_id, self.category


@value
class SendCheck(_Subject):
    """A send that wants to be accepted."""


@value
class SendCheckResult:
    """What is known of its recipient and category."""

    recipient_known: bool
    category: CategoryDefinition | None


@value
class PlanTask(_Subject):
    """A notification to plan."""

    requested: tuple[Channel, ...]
    """Empty: the category's channels."""
    content: frozenset[Channel]
    """Channels the content exists for."""
    left: frozenset[Channel] = frozenset()
    """Channels on which an earlier revision has left for good."""
