"""`tidings watch`: a recipient's inbox as it changes, across losses of the connection."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import uuid4

import typer

from cli.command import command
from cli.errors import CommandError, Misused
from cli.feed_errors import from_feed
from cli.inbox_display import JsonDisplay, TextDisplay
from cli.inbox_feed import (
    After,
    FeedClosed,
    FeedEvent,
    FeedRefused,
    FeedSettings,
    InboxFeed,
    ItemChanged,
    Live,
    Newest,
    SnapshotApplied,
    Start,
    subscribe,
)
from cli.recipient_tokens import RecipientTokens
from cli.session import Session, open_stream_channel
from tidings.inbox.v1.inbox_stream_service_pb2_grpc import InboxStreamServiceStub

app = typer.Typer(add_completion=False)


@command(app, "watch")
async def watch(
    session: Session,
    recipient_id: Annotated[str, typer.Argument(metavar="RECIPIENT")],
    newest: Annotated[
        int, typer.Option(min=1, max=1000, help="Begin with that many of the newest items.")
    ] = 20,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Begin after a cursor of an earlier watch.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", metavar="", help="Begin with the present.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            show_default="as cli.toml says",
            help="Id of this installation; a newer watch with the same one ends the older.",
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after showing that many items.")
    ] = None,
    until_item: Annotated[
        str | None, typer.Option(metavar="ID", help="End after showing this item.")
    ] = None,
    timeout: Annotated[  # noqa: ASYNC109 - the option's name
        float | None,
        typer.Option(
            metavar="SECONDS", min=0.1, help="End then; with exit code 1 if items were waited for."
        ),
    ] = None,
) -> None:
    """Show an inbox as it changes, until Ctrl-C.

    The connection may come and go: nothing is missed and nothing is shown twice.
    """
    settings = FeedSettings(
        start=_start(newest, after, live),
        device_id=device or session.configuration.device_id or str(uuid4()),
    )
    display = (
        JsonDisplay(session.output)
        if session.output.is_json
        else TextDisplay(session.output, recipient_id, session.address)
    )
    goal = Goal(count, until_item)
    tokens = RecipientTokens(session, recipient_id)
    await tokens.prepare()
    try:
        async with (
            asyncio.timeout(timeout),
            open_stream_channel(session.address) as channel,
            subscribe(InboxStreamServiceStub(channel), tokens, settings) as feed,
        ):
            await _follow(feed, display, goal)
    except TimeoutError:
        if goal.is_set:
            raise CommandError(f"{goal.missing} did not arrive within {timeout:g} s") from None
    except (FeedClosed, FeedRefused) as error:
        raise from_feed(error, session.address) from None


class Goal:
    """When to end by oneself."""

    def __init__(self, count: int | None, until_item: str | None) -> None:
        self._remaining = count
        self._item = until_item

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return self._remaining is not None or self._item is not None

    @property
    def missing(self) -> str:
        """What has not been shown yet."""
        return f"item {self._item}" if self._item else f"{self._remaining} more item(s)"

    def reached_by(self, event: FeedEvent) -> bool:
        """Counts what the event shows, and returns whether to end."""
        if isinstance(event, SnapshotApplied):
            shown = [item.item_id for item in event.unseen]
        elif isinstance(event, ItemChanged):
            shown = [event.item.item_id]
        else:
            return False
        if self._remaining is not None:
            self._remaining = max(0, self._remaining - len(shown))
        return self._remaining == 0 or self._item in shown


async def _follow(feed: InboxFeed, display: JsonDisplay | TextDisplay, goal: Goal) -> None:
    try:
        async for event in feed:
            display.show(event)
            if goal.reached_by(event):
                return
    finally:
        display.close()


def _start(newest: int, after: str | None, live: bool) -> Start:
    if after and live:
        raise Misused("give one of --after and --live")
    if after:
        return After(after)
    return Live() if live else Newest(newest)
