"""What preference refuses."""

from __future__ import annotations

from collections.abc import Sequence

from libs.errors import Cause, FieldViolation, TidingsError


class RecipientNotFound(TidingsError):
    """There is no such recipient."""

    cause = Cause.NOT_FOUND
    reason = "RECIPIENT_NOT_FOUND"

    def __init__(self, recipient_id: str) -> None:
        super().__init__(
            f"there is no recipient {recipient_id!r}; store it with UpsertRecipient first",
            metadata={"recipient_id": recipient_id},
        )


class CategoryNotFound(TidingsError):
    """There is no such category."""

    cause = Cause.NOT_FOUND
    reason = "CATEGORY_NOT_FOUND"

    def __init__(self, category: str) -> None:
        super().__init__(
            f"there is no category {category!r}; store it with UpsertCategory first",
            metadata={"category": category},
        )


class FieldsRefused(TidingsError):
    """Fields break rules that the contract's annotations cannot express."""

    cause = Cause.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__(
            "; ".join(f"{violation.field}: {violation.description}" for violation in violations),
            metadata={"fields": ", ".join(violation.field for violation in violations)[:500]},
            violations=violations,
        )


class WebhookUrlRefused(TidingsError):
    """Webhooks may not be sent to that URL."""

    cause = Cause.INVALID_ARGUMENT
    reason = "WEBHOOK_URL_REFUSED"

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(
            f"webhooks may not be sent to that URL: {sentence}",
            metadata={"rule": rule},
            violations=[FieldViolation("recipient.webhook_url", sentence)],
        )
