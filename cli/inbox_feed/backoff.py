"""How long to wait before trying again: quick first, then a random time under a growing bound."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Full jitter, in seconds: a random time from nothing up to a bound that doubles."""

    quick: float = 0.25
    """Bound of the first wait: most losses are a restart of one server among several."""
    base: float = 1.0
    """Bound of the second."""
    longest: float = 10.0
    """The bound grows no further."""
    draw: Callable[[], float] = random.random
    """Gives a number from 0 up to 1."""

    def bound(self, failures: int) -> float:
        """Returns the greatest wait after so many failures in a row, counted from 1."""
        if failures <= 1:
            return self.quick
        # The exponent is capped so that a night of failures does not overflow.
        return min(self.longest, self.base * 2.0 ** min(failures - 2, 16))

    def wait(self, failures: int) -> float:
        """Returns a wait after so many failures in a row."""
        return self.draw() * self.bound(failures)
