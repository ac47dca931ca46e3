"""Why a request is refused, each with the fix."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from libs.errors import Cause, FieldViolation, QuotaViolation, TidingsError


class Refused(TidingsError):
    """A send that names something that is not there, or does not fit."""

    cause = Cause.INVALID_ARGUMENT

    def __init__(self, field: str, sentence: str, **metadata: str) -> None:
        super().__init__(sentence, metadata=metadata, violations=[FieldViolation(field, sentence)])


class TimeRefused(Refused):
    """A time that there is not."""

    reason = "INVALID_FIELD"

    def __init__(self, field: str) -> None:
        super().__init__(field, f"{field} must be a time between the years 1 and 9999")


class RecipientUnknown(Refused):
    """No such recipient."""

    reason = "RECIPIENT_NOT_FOUND"

    def __init__(self, recipient_id: str) -> None:
        super().__init__(
            "recipient_id",
            f"there is no recipient {recipient_id!r}; store it with RecipientService.UpsertRecipient",
            recipient_id=recipient_id,
        )


class CategoryUnknown(Refused):
    """No such category."""

    reason = "CATEGORY_NOT_FOUND"

    def __init__(self, category: str) -> None:
        super().__init__(
            "category",
            f"there is no category {category!r}; store it with CategoryService.UpsertCategory",
            category=category,
        )


class TemplateUnknown(Refused):
    """No such template."""

    reason = "TEMPLATE_NOT_FOUND"

    def __init__(self, template: str) -> None:
        super().__init__(
            "template.name",
            f"there is no template {template!r}; create it with TemplateService.CreateTemplate",
            template=template,
        )


class TemplateNotPublished(Refused):
    """The template has no such published version."""

    reason = "TEMPLATE_NOT_PUBLISHED"

    def __init__(self, template: str, version: int) -> None:
        what = f"version {version}" if version else "version yet"
        super().__init__(
            "template.version",
            f"{template} has no published {what}; publish it with TemplateService.PublishTemplate",
            template=template,
            version=str(version),
        )


class VariablesMismatch(TidingsError):
    """Variables are missing, or sent but not declared."""

    cause = Cause.INVALID_ARGUMENT
    reason = "TEMPLATE_VARIABLES_MISMATCH"

    def __init__(
        self,
        template: str,
        version: int,
        *,
        missing: Collection[str],
        unknown: Collection[str],
        sent: Collection[str],
    ) -> None:
        needs = f"needs {_names(missing)}" if missing else ""
        excess = f"does not declare {_names(unknown)}" if unknown else ""
        wrong = " and ".join(part for part in (needs, excess) if part)
        super().__init__(
            f"{template} v{version} {wrong}; you sent {_names(sent)}",
            metadata={
                "template": template,
                "version": str(version),
                "missing": ",".join(sorted(missing)),
                "unknown": ",".join(sorted(unknown)),
            },
            violations=[
                *(_variable(name, "is missing") for name in sorted(missing)),
                *(_variable(name, "is not declared by the template") for name in sorted(unknown)),
            ],
        )


class ChannelNotInTemplate(TidingsError):
    """A requested channel has no content."""

    cause = Cause.INVALID_ARGUMENT
    reason = "CHANNEL_NOT_IN_TEMPLATE"

    def __init__(self, template: str, version: int, index: int, channel: str) -> None:
        sentence = f"{template} v{version} has no content for {channel}"
        super().__init__(
            f"{sentence}; leave the channel out or publish a version that has it",
            metadata={"template": template, "channel": channel},
            violations=[FieldViolation(f"channels[{index}]", sentence)],
        )


class TtlTooLong(Refused):
    """The category's class does not allow so long a time to live."""

    reason = "INVALID_FIELD"

    def __init__(self, category: str, longest: timedelta) -> None:
        super().__init__(
            "ttl", f"{category} allows at most {longest.total_seconds():.0f}s", fields="ttl"
        )


class SendTimeTooFar(Refused):
    """Nobody keeps a notification for that long."""

    reason = "INVALID_FIELD"

    def __init__(self, longest: timedelta) -> None:
        super().__init__(
            "send_time", f"must be at most {longest.days} days ahead", fields="send_time"
        )


class BacklogFull(TidingsError):
    """As much of the tenant's work waits as may."""

    cause = Cause.RESOURCE_EXHAUSTED
    reason = "BACKLOG_FULL"

    def __init__(self, tenant_id: str, limit: str) -> None:
        super().__init__(
            f"too much of your accepted work waits: {limit}; repeat the call later with the same request_id",
            quota=QuotaViolation(f"tenant:{tenant_id}", limit),
            retry_after=timedelta(seconds=10),
        )


class NotificationUnknown(TidingsError):
    """No such notification in this tenant."""

    cause = Cause.NOT_FOUND
    reason = "NOTIFICATION_NOT_FOUND"

    def __init__(self, notification_id: UUID | str) -> None:
        super().__init__(
            f"there is no notification {notification_id}",
            metadata={"notification_id": str(notification_id)},
        )


def _names(names: Collection[str]) -> str:
    shown = sorted(names)[:10]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(f"`{name[:64]}`" for name in shown) + more if names else "none"


def _variable(name: str, what: str) -> FieldViolation:
    return FieldViolation(f"template.variables.{name[:64]}", f"`{name[:64]}` {what}")
