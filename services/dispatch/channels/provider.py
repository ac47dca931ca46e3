"""The provider port: what a channel's way out calls."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self, TypeVar

from services.dispatch.domain.models import Attempt, Mail, Webhook

Content = TypeVar("Content", contravariant=True)


class Provider(Protocol[Content]):
    """Takes what is ready to leave. Never raises for what a provider does: every end is an outcome, and
    UNKNOWN is only for what may have left to a target that does not drop repeats."""

    async def __aenter__(self) -> Self:
        """Opens what it keeps."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes what it keeps."""

    async def send(self, content: Content, /, *, deadline: float) -> Attempt:
        """Returns what came of one call, by `deadline` on the event loop's clock at the latest."""


EmailProvider = Provider[Mail]
WebhookProvider = Provider[Webhook]
