"""The show itself: data in, one notification out, both arrivals told."""

from __future__ import annotations

from pathlib import Path

from cli.demo.arrivals import send_and_see
from cli.demo.seed import seed
from cli.demo.story import tell
from cli.output import Output
from cli.session import Settings, open_session


async def show(
    output: Output, settings: Settings, mail_directory: Path | None, *, within: float, kept: bool
) -> str:
    """Returns the id of the notification that was seen to arrive; raises CommandError.

    `kept` when the mail stays to be read.
    """
    async with open_session(settings, output) as session:
        await seed(session)
        arrivals = await send_and_see(session, mail_directory, within=within)
    notification_id = arrivals.notification.notification_id
    output.event(
        "arrived",
        lambda: tell(output, arrivals, kept=kept),
        notification_id=notification_id,
        item_after_ms=round(arrivals.item_after, 3),
    )
    return notification_id
