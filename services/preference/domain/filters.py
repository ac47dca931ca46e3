"""Which resources a list shows. What a filter leaves open holds for all."""

from __future__ import annotations

from libs.values import value
from services.preference.domain.models import CategoryClass, Channel, Choice


@value
class RecipientFilter:
    """Recipients of whom all that is given is true."""

    id_prefix: str = ""
    email: str = ""
    """Whatever its case."""
    phone_number: str = ""


@value
class CategoryFilter:
    """Categories of which all that is given is true."""

    name_prefix: str = ""
    category_class: CategoryClass | None = None


@value
class PreferenceFilter:
    """Words of which all that is given is true."""

    category: str | None = None
    channel: Channel | None = None
    choice: Choice | None = None
