"""The provider port for mail. `SendEmail` calls it."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from services.dispatch.domain.models import Attempt, Mail


class EmailProvider(Protocol):
    """Takes mails. Never raises for what a provider does: every end is an outcome, and UNKNOWN is
    only for a mail that may have left."""

    async def __aenter__(self) -> Self:
        """Opens what it keeps."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes what it keeps."""

    async def send(self, mail: Mail, *, deadline: float) -> Attempt:
        """Returns what came of one call, by `deadline` on the event loop's clock at the latest."""
