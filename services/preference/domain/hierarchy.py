"""Which of a recipient's words counts."""

from __future__ import annotations

from collections.abc import Iterable

from services.preference.domain.models import Channel, Choice, Preference


def wants(preferences: Iterable[Preference], category: str, channel: Channel) -> bool:
    """Says whether the recipient wants a category on a channel.

    The most specific word wins: category and channel, then the whole category, then the channel
    in every category, then everything; without any, yes.
    """
    choices = {(word.category, word.channel): word.choice for word in preferences}
    for scope in ((category, channel), (category, None), (None, channel), (None, None)):
        choice = choices.get(scope)
        if choice is not None:
            return choice is Choice.ENABLED
    return True
