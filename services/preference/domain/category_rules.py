"""What a category must satisfy beyond its contract's annotations."""

from __future__ import annotations

from libs.errors import FieldViolation
from services.preference.domain.errors import FieldsRefused
from services.preference.domain.models import MAX_TTL, CategoryDefinition


def check_definition(definition: CategoryDefinition) -> None:
    """Raises FieldsRefused when the time to live is longer than the class allows."""
    longest = MAX_TTL[definition.category_class]
    if definition.ttl > longest:
        sentence = f"must be at most {longest.days} days for {definition.category_class.value}"
        raise FieldsRefused([FieldViolation("category.ttl", sentence)])
