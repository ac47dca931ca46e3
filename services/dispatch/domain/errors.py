"""What dispatch refuses."""

from __future__ import annotations

from datetime import timedelta

from libs.errors import Cause, TidingsError


class WebhookSecretsUnreadable(TidingsError):
    """What the tenant's webhook secrets are derived from does not open; the log says why."""

    cause = Cause.UNAVAILABLE
    reason = "WEBHOOK_SECRETS_UNREADABLE"

    def __init__(self) -> None:
        super().__init__(
            "the secrets of your webhooks cannot be read now, and webhooks wait; Tidings' operator"
            " must see to it",
            retry_after=timedelta(minutes=1),
        )
