"""Which submissions are acceptable."""

from __future__ import annotations

from services.ingestion.domain.errors import (
    ChannelNotInTemplate,
    TemplateNotPublished,
    TemplateUnknown,
    VariablesMismatch,
)
from services.ingestion.domain.models import Submission, TemplateDescription

CHANNEL_NAMES = {1: "email", 2: "in_app"}
"""Channels as people write them, by their number in `tidings.common.v1.Channel`."""
PRIORITY_NAMES = {1: "low", 2: "normal", 3: "high", 4: "critical"}
"""Priorities as people write them, by their number in `tidings.common.v1.Priority`."""


def check_template(submission: Submission, template: TemplateDescription) -> None:
    """Raises the error that tells what does not fit between a send and its template."""
    name = submission.template_name
    if not template.name_known:
        raise TemplateUnknown(name)
    if not template.version:
        raise TemplateNotPublished(name, submission.template_version)
    missing = template.required - submission.variable_names
    unknown = submission.variable_names - template.required - template.optional
    if missing or unknown:
        raise VariablesMismatch(
            name,
            template.version,
            missing=missing,
            unknown=unknown,
            sent=submission.variable_names,
        )
    for index, channel in enumerate(submission.channels):
        if channel not in template.channels:
            raise ChannelNotInTemplate(name, template.version, index, CHANNEL_NAMES[channel])
