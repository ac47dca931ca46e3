from __future__ import annotations

import itertools

import pytest

from services.preference.domain.hierarchy import wants
from services.preference.domain.models import Channel, Choice, Preference

ORDER, MAIL, EVERY = "order.shipped", Channel.EMAIL, None
#: From the most specific word to the least.
SCOPES = ((ORDER, MAIL), (ORDER, EVERY), (EVERY, MAIL), (EVERY, EVERY))


@pytest.mark.parametrize("choices", list(itertools.product((None, *Choice), repeat=4)))
def test_the_most_specific_word_wins(choices: tuple[Choice | None, ...]) -> None:
    preferences = [
        Preference(category=category, channel=channel, choice=choice)
        for (category, channel), choice in zip(SCOPES, choices, strict=True)
        if choice is not None
    ]
    said = [choice for choice in choices if choice is not None]
    expected = said[0] is Choice.ENABLED if said else True
    assert wants(preferences, ORDER, MAIL) is expected
    assert wants(preferences[::-1], ORDER, MAIL) is expected


@pytest.mark.parametrize(
    ("category", "channel"),
    [("order", MAIL), ("order.shipped.late", MAIL), (ORDER, Channel.IN_APP), ("other", EVERY)],
)
def test_words_about_something_else_do_not_count(category: str, channel: Channel | None) -> None:
    preference = Preference(category=category, channel=channel, choice=Choice.DISABLED)
    assert wants([preference], ORDER, MAIL)
