"""Reads settings from an environment; a wrong one names itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

#: Of any number: fits PostgreSQL's integer, and as seconds is a lifetime.
_MOST = 2**31 - 1


class SettingError(Exception):
    """A setting is missing or cannot be read; the text names it."""


class Environ:
    """Typed look-ups in an environment, which is a parameter so that tests pass a dict."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, key: str, default: str | None = None) -> str:
        """Returns the value; raises SettingError when it is neither set nor defaulted."""
        value = self._values.get(key, "") or default
        if value is None:
            raise SettingError(f"{key} is not set")
        return value

    def integer(self, key: str, default: int, *, least: int = 0) -> int:
        """Returns a whole number of at least `least`."""
        return int(self._number(key, default, least=least, whole=True))

    def seconds(self, key: str, default: float, *, least: float = 0.001) -> timedelta:
        """Returns a duration given in seconds."""
        return timedelta(seconds=self._number(key, default, least=least, whole=False))

    def ratio(self, key: str, default: float) -> float:
        """Returns a share, from 0 to 1."""
        share = self._number(key, default, least=0, whole=False)
        if share > 1:
            raise SettingError(f"{key} must be a number from 0 to 1, not {share:g}")
        return share

    def flag(self, key: str, *, default: bool) -> bool:
        """Returns a yes or no, written `on`/`off`, `true`/`false`, `yes`/`no` or `1`/`0`."""
        value = self._values.get(key, "").lower()
        if not value:
            return default
        if value in {"on", "true", "yes", "1"}:
            return True
        if value in {"off", "false", "no", "0"}:
            return False
        raise SettingError(f"{key} must be on or off, not {value!r}")

    def _number(self, key: str, default: float, *, least: float, whole: bool) -> float:
        value = self._values.get(key, "")
        kind = "a whole number" if whole else "a number"
        try:
            number = (int(value) if whole else float(value)) if value else default
        except ValueError:
            raise SettingError(f"{key} must be {kind}, not {value!r}") from None
        if not number >= least:
            raise SettingError(f"{key} must be {kind} of at least {least:g}, not {value!r}")
        if number > _MOST:
            raise SettingError(f"{key} must be {kind} of at most {_MOST}, not {value!r}")
        return number
