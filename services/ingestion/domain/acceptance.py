"""Which submissions are acceptable."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.ingestion.domain.errors import (
    ChannelNotInTemplate,
    SendTimeTooFar,
    TemplateNotPublished,
    TemplateUnknown,
    TtlTooLong,
    VariablesMismatch,
)
from services.ingestion.domain.models import CategoryDefaults, Submission, TemplateDescription

CHANNEL_NAMES = {1: "email", 2: "in_app", 3: "webhook"}
"""Channels as people write them, by their number in `tidings.common.v1.Channel`."""
PRIORITY_NAMES = {1: "low", 2: "normal", 3: "high", 4: "critical"}
"""Priorities as people write them, by their number in `tidings.common.v1.Priority`."""


LONGEST_AHEAD = timedelta(days=366)


def check_times(submission: Submission, category: CategoryDefaults, *, now: datetime) -> None:
    """Raises the error that tells which time does not fit."""
    if submission.ttl is not None and submission.ttl > category.max_ttl:
        raise TtlTooLong(submission.category, category.max_ttl)
    if submission.send_time is not None and submission.send_time > now + LONGEST_AHEAD:
        raise SendTimeTooFar(LONGEST_AHEAD)


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
