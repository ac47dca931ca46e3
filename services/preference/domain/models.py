"""Recipients, categories and preferences."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import Enum

from libs.values import value

DEFAULT_LOCALE = "en"
DEFAULT_TIME_ZONE = "UTC"
DEFAULT_TTL = timedelta(days=3)


class Channel(Enum):
    """A way to reach a recipient."""

    EMAIL = "email"
    """By mail."""
    IN_APP = "in_app"
    """In the recipient's inbox."""
    WEBHOOK = "webhook"
    """By a call of the recipient's own HTTP endpoint."""


class CategoryClass(Enum):
    """Legal and practical kind of a category."""

    TRANSACTIONAL = "transactional"
    """Answers something the recipient did."""
    SYSTEM = "system"
    """Security and account notices; preferences cannot switch them off."""
    MARKETING = "marketing"
    """Advertising."""
    REMINDER = "reminder"
    """Something the recipient asked to be reminded of."""


MAX_TTL = {
    CategoryClass.TRANSACTIONAL: timedelta(days=30),
    CategoryClass.SYSTEM: timedelta(days=7),
    CategoryClass.MARKETING: timedelta(days=30),
    CategoryClass.REMINDER: timedelta(days=7),
}
"""How long a notification of each class may be worth delivering: late notices of a system and late
reminders mislead."""


class Priority(Enum):
    """How urgent a notification is."""

    LOW = "low"
    """May wait behind everything else."""
    NORMAL = "normal"
    """The ordinary case."""
    HIGH = "high"
    """A person is waiting for it."""
    CRITICAL = "critical"
    """Security codes, alarms."""


class Guarantee(Enum):
    """Promise for a message whose fate is unknown."""

    AT_LEAST_ONCE = "at_least_once"
    """Try again, at the risk of a duplicate."""
    AT_MOST_ONCE = "at_most_once"
    """Stop, at the risk of a loss."""


class Choice(Enum):
    """A recipient's word."""

    ENABLED = "enabled"
    """Wants them."""
    DISABLED = "disabled"
    """Does not want them."""


@value
class RecipientProfile:
    """What a tenant says of a recipient."""

    recipient_id: str
    emails: tuple[str, ...] = ()
    """The preferred one first."""
    phone_numbers: tuple[str, ...] = ()
    """The preferred one first."""
    locale: str = DEFAULT_LOCALE
    time_zone: str = DEFAULT_TIME_ZONE
    webhook_url: str = ""
    """Empty: takes no webhooks."""
    webhook_gone_time: datetime | None = None
    """When a call of that URL began that was answered 410 Gone; None while it is in use. The one thing here
    that tenants do not say."""


@value
class GoneWebhook:
    """A URL that answered 410 Gone."""

    tenant_id: str
    recipient_id: str
    webhook_url: str
    call_time: datetime
    """When the call began."""


@value
class Recipient:
    """A stored recipient."""

    profile: RecipientProfile
    etag: str
    """Another one with each change."""
    create_time: datetime
    update_time: datetime


@value
class CategoryDefinition:
    """What a tenant says of a category."""

    name: str
    category_class: CategoryClass
    channels: tuple[Channel, ...]
    """Used when a send names none."""
    priority: Priority = Priority.NORMAL
    ttl: timedelta = DEFAULT_TTL
    guarantee: Guarantee = Guarantee.AT_LEAST_ONCE


@value
class Category:
    """A stored category."""

    definition: CategoryDefinition
    etag: str
    """Another one with each change."""
    create_time: datetime
    update_time: datetime


@value
class Preference:
    """One word of a recipient."""

    category: str | None
    """None: every category."""
    channel: Channel | None
    """None: every channel."""
    choice: Choice


@value
class PreferenceChange:
    """A preference to set or to clear."""

    category: str | None
    channel: Channel | None
    choice: Choice | None
    """None clears it."""


@value
class RecipientPreferences:
    """All words of a recipient, by category and channel."""

    preferences: tuple[Preference, ...]

    @property
    def etag(self) -> str:
        """The same for the same words only."""
        words = [
            (word.category, word.channel and word.channel.value, word.choice.value)
            for word in self.preferences
        ]
        return hashlib.blake2b(repr(words).encode(), digest_size=16).hexdigest()


@value
class ListedPreference:
    """One word, and whose it is."""

    recipient_id: str
    preference: Preference
