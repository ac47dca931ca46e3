"""What template refuses."""

from __future__ import annotations

from collections.abc import Sequence

from libs.errors import Cause, FieldViolation, TidingsError
from services.template.domain.models import Channel


class TemplateNotFound(TidingsError):
    """There is no such template."""

    cause = Cause.NOT_FOUND
    reason = "TEMPLATE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is no template {name}; create it with CreateTemplate first",
            metadata={"template": name},
        )


class TemplateAlreadyExists(TidingsError):
    """A template of that name exists."""

    cause = Cause.ALREADY_EXISTS
    reason = "TEMPLATE_ALREADY_EXISTS"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the template {name} exists; change its draft with UpdateTemplate",
            metadata={"template": name},
        )


class TemplateNotPublished(TidingsError):
    """The template exists without that version."""

    cause = Cause.INVALID_ARGUMENT
    reason = "TEMPLATE_NOT_PUBLISHED"

    def __init__(self, name: str, version: int, latest_version: int) -> None:
        newest = f"its newest is v{latest_version}" if latest_version else "nothing is published"
        super().__init__(
            f"{name} v{version} was never published; {newest}",
            metadata={"template": name, "version": str(version)},
            violations=[FieldViolation("version", newest)],
        )


class TemplateInvalid(TidingsError):
    """A draft cannot be used."""

    cause = Cause.INVALID_ARGUMENT
    reason = "TEMPLATE_INVALID"

    def __init__(self, name: str, violations: Sequence[FieldViolation]) -> None:
        super().__init__(
            "; ".join(f"{violation.field}: {violation.description}" for violation in violations),
            metadata={"template": name},
            violations=violations,
        )


class ChannelNotInTemplate(TidingsError):
    """The template has nothing for the channel."""

    cause = Cause.INVALID_ARGUMENT
    reason = "CHANNEL_NOT_IN_TEMPLATE"

    def __init__(self, name: str, sentence: str, channel: Channel) -> None:
        super().__init__(
            sentence,
            metadata={"template": name, "channel": channel.value},
            violations=[FieldViolation("channel", sentence)],
        )


class VariablesMismatch(TidingsError):
    """Variables are missing, or sent but not declared."""

    cause = Cause.INVALID_ARGUMENT
    reason = "TEMPLATE_VARIABLES_MISMATCH"

    def __init__(
        self,
        name: str,
        version: int,
        sentence: str,
        *,
        missing: Sequence[str],
        unknown: Sequence[str],
    ) -> None:
        super().__init__(
            sentence,
            metadata={
                "template": name,
                "version": str(version),
                "missing": ",".join(missing)[:500],
                "unknown": ",".join(unknown)[:500],
            },
            violations=[
                *(FieldViolation(f"variables.{missed}", "is needed") for missed in missing),
                # What was sent may be of any length.
                *(FieldViolation(f"variables.{sent[:64]}", "is not declared") for sent in unknown),
            ],
        )


class RenderFailed(TidingsError):
    """The template does not render with these variables."""

    cause = Cause.INVALID_ARGUMENT
    reason = "TEMPLATE_RENDER_FAILED"

    def __init__(self, name: str, version: int, sentence: str) -> None:
        super().__init__(sentence, metadata={"template": name, "version": str(version)})


class BatchTooLarge(TidingsError):
    """An internal caller sent more than one call may hold."""

    cause = Cause.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self, field: str, limit: int) -> None:
        sentence = f"at most {limit} a call"
        super().__init__(
            f"{field}: {sentence}",
            metadata={"fields": field},
            violations=[FieldViolation(field, sentence)],
        )
