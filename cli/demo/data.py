"""The demo's data: who there is, and what notifications are about."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.preference.v1.category_service_pb2 import Category, CategoryClass
from tidings.preference.v1.preference_service_pb2 import Preference, PreferenceChoice
from tidings.preference.v1.recipient_service_pb2 import Recipient

TEMPLATES = Path(__file__).parent.parent / "demo_data" / "templates"

CATEGORY_OF_TEMPLATE = {
    "order-shipped": "order.shipped",
    "password-reset": "account.password",
    "weekly-summary": "summary.weekly",
}

RECIPIENTS = (
    Recipient(
        recipient_id="alice",
        emails=["alice@example.com"],
        phone_numbers=["+442079460123"],
        locale="en-GB",
        time_zone="Europe/London",
    ),
    Recipient(
        recipient_id="bob",
        emails=["bob@example.com", "bob@example.org"],
        locale="pt-BR",
        time_zone="America/Sao_Paulo",
    ),
    Recipient(
        recipient_id="chitra",
        emails=["chitra@example.com"],
        locale="hi-IN",
        time_zone="Asia/Kolkata",
    ),
)

#: By recipient; set when the recipient is stored first.
PREFERENCES = {
    "chitra": Preference(
        category="summary.weekly",
        channel=Channel.CHANNEL_EMAIL,
        choice=PreferenceChoice.PREFERENCE_CHOICE_DISABLED,
    )
}

#: What `order-shipped` is sent with; only `order` is required.
ORDER: dict[str, Any] = {
    "order": "42",
    "carrier": "Northwind Parcels",
    "arrival": "on Thursday",
    "tracking_url": "https://example.com/parcels/42",
    "items": [
        {"name": "Teapot, blue", "quantity": 1},
        {"name": "Cup, blue", "quantity": 4},
    ],
}


def categories() -> list[Category]:
    """Returns the categories that the templates are sent under."""
    return [
        _category(
            "order.shipped",
            CategoryClass.CATEGORY_CLASS_TRANSACTIONAL,
            Priority.PRIORITY_NORMAL,
            timedelta(days=3),
        ),
        _category(
            "account.password",
            CategoryClass.CATEGORY_CLASS_SYSTEM,
            Priority.PRIORITY_CRITICAL,
            timedelta(minutes=30),
        ),
        _category(
            "summary.weekly",
            CategoryClass.CATEGORY_CLASS_REMINDER,
            Priority.PRIORITY_LOW,
            timedelta(days=1),
        ),
    ]


def _category(
    name: str, kind: CategoryClass.ValueType, priority: Priority.ValueType, ttl: timedelta
) -> Category:
    category = Category(
        name=name, channels=[Channel.CHANNEL_EMAIL, Channel.CHANNEL_IN_APP], priority=priority
    )
    category.category_class = kind
    category.ttl.FromTimedelta(ttl)
    return category
