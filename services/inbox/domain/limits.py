"""What streams may do, as settings say."""

from __future__ import annotations

from datetime import timedelta

from libs.values import value
from services.inbox.domain.frames import Closing, ClosingReason

DEFAULT_HEARTBEAT = timedelta(seconds=30)


@value
class StreamLimits:
    """Bounds of the streams of a process."""

    most_streams: int
    shortest_heartbeat: timedelta
    longest_heartbeat: timedelta
    longest_age: timedelta
    longest_write: timedelta
    """A client that does not take a frame for so long is given up."""
    reconnect_delay: timedelta
    """Clients of a stopping process come back spread over so long."""

    def grant_heartbeat(self, wanted: timedelta | None) -> timedelta:
        """Returns the longest silence that a stream will keep."""
        asked = DEFAULT_HEARTBEAT if wanted is None else wanted
        return min(max(asked, self.shortest_heartbeat), self.longest_heartbeat)

    def closing(self, reason: ClosingReason) -> Closing:
        """Returns the last frame of a stream.

        Streams that end of themselves are spread already; those that a server ends together, or for
        its own relief, come back spread. A superseded one must not: it would take the newer's place.
        """
        together = reason in (ClosingReason.SHUTDOWN, ClosingReason.SLOW_CONSUMER)
        return Closing(
            reason=reason,
            max_reconnect_delay=self.reconnect_delay if together else timedelta(),
            reconnect=reason is not ClosingReason.SUPERSEDED,
        )
