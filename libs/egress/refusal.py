"""What is not called, by the rule that it breaks."""

from __future__ import annotations


class EgressRefused(Exception):
    """A URL breaks a rule. `str` is a sentence that never tells to what a name resolves."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule
        """Name of the rule, for programs, such as `private_network`."""
