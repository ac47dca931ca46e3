"""Rows to domain objects: the one place where column names meet field names."""

from __future__ import annotations

import asyncpg

from services.preference.domain.models import (
    Category,
    CategoryClass,
    CategoryDefinition,
    Channel,
    Choice,
    Guarantee,
    Preference,
    Priority,
    Recipient,
    RecipientProfile,
)


def profile_from_row(row: asyncpg.Record) -> RecipientProfile:
    """Returns what is known of a recipient."""
    return RecipientProfile(
        recipient_id=row["recipient_id"],
        emails=tuple(row["emails"]),
        phone_numbers=tuple(row["phone_numbers"]),
        locale=row["locale"],
        time_zone=row["time_zone"],
        webhook_url=row["webhook_url"],
        webhook_gone_time=row["webhook_gone_time"],
    )


def recipient_from_row(row: asyncpg.Record) -> Recipient:
    """Returns a recipient."""
    return Recipient(
        profile=profile_from_row(row),
        etag=row["etag"].hex,
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def definition_from_row(row: asyncpg.Record) -> CategoryDefinition:
    """Returns what is known of a category."""
    return CategoryDefinition(
        name=row["name"],
        category_class=CategoryClass(row["class"]),
        channels=tuple(Channel(name) for name in row["channels"]),
        priority=Priority(row["priority"]),
        ttl=row["ttl"],
        guarantee=Guarantee(row["guarantee"]),
    )


def category_from_row(row: asyncpg.Record) -> Category:
    """Returns a category."""
    return Category(
        definition=definition_from_row(row),
        etag=row["etag"].hex,
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def preference_from_row(row: asyncpg.Record) -> Preference:
    """Returns a preference."""
    return Preference(
        category=row["category"] or None,
        channel=Channel(row["channel"]) if row["channel"] else None,
        choice=Choice(row["choice"]),
    )
