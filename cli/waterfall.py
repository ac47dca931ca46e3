"""Draws a notification's timeline as a waterfall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from cli.names import CHANNELS, PRIORITIES
from cli.output import plain
from cli.timeline import Lane, Stage, Timeline, Tone, read_timeline
from cli.times import show_milliseconds, show_time
from tidings.ingestion.v1.notification_pb2 import Notification

_STYLES = {Tone.GOOD: "green", Tone.OPEN: "yellow", Tone.BAD: "bold red"}
_LABEL_WIDTH = 26
_OFFSET_WIDTH = 11
_ORIGIN = "after acceptance"
_LEAST_BAR_WIDTH = 10
_GREATEST_BAR_WIDTH = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Maps milliseconds to columns."""

    length: float
    width: int
    full: str
    """What a bar is drawn with."""

    def bar(self, start: float, end: float) -> str:
        """Returns a bar of at least one column, with the space before it."""
        span = self.length or 1.0
        first = int(_clamp(start / span) * (self.width - 1))
        last = max(first, round(_clamp(end / span) * (self.width - 1)))
        return " " * first + self.full * (last - first + 1)


def draw(notification: Notification, console: Console) -> None:
    """Prints the notification: who and what, why these channels, and what happened when."""
    timeline = read_timeline(notification)
    for line in _lines(notification, timeline, _scale(timeline, console)):
        console.print(line, soft_wrap=True)


def _scale(timeline: Timeline, console: Console) -> _Scale:
    room = console.width - _LABEL_WIDTH - _OFFSET_WIDTH - 2
    return _Scale(
        length=timeline.length,
        width=max(_LEAST_BAR_WIDTH, min(room, _GREATEST_BAR_WIDTH)),
        full="\N{BOX DRAWINGS HEAVY HORIZONTAL}" if _draws_lines(console) else "=",
    )


def _lines(notification: Notification, timeline: Timeline, scale: _Scale) -> Iterator[Text]:
    yield from _head(notification, timeline)
    if timeline.decisions:
        yield Text()
        for decision in timeline.decisions:
            style = "" if decision.used else "dim"
            yield Text(f"  {decision.channel:<10}{decision.words}", style=style)
        if not any(decision.used for decision in timeline.decisions):
            yield Text("  Nothing is sent: no channel is left.", style="yellow")
    yield Text()
    yield Text(f"{_ORIGIN:>{_LABEL_WIDTH + scale.width + 1 + _OFFSET_WIDTH}}", style="dim")
    for stage in timeline.stages:
        yield from _stage_lines(stage, scale)
    for lane in timeline.lanes:
        yield Text()
        yield from _lane_lines(lane, scale)
    if timeline.facts:
        yield Text()
        for fact in timeline.facts:
            moment = show_milliseconds(fact.moment)
            yield Text(f"  {fact.channel:<10}{fact.words} {moment} {_ORIGIN}")
    if not timeline.complete:
        yield Text()
        words = (
            "A part of Tidings was away: deliveries, or what is known of them, may lack something."
        )
        yield Text(words, style="yellow")


def _head(notification: Notification, timeline: Timeline) -> Iterator[Text]:
    template = notification.template
    yield Text.assemble(
        ("notification ", "dim"),
        (plain(notification.notification_id), "bold"),
        "  ",
        (timeline.state, _STYLES[timeline.tone]),
    )
    rows = [
        ("to", notification.recipient_id),
        ("about", notification.category),
        ("template", f"{template.name} version {template.version}"),
        ("priority", PRIORITIES.name(notification.priority)),
        ("channels", CHANNELS.names(notification.channels) or "as preferred"),
        ("accepted", show_time(notification.accept_time)),
        (
            "send at",
            show_time(notification.send_time) if notification.HasField("send_time") else "",
        ),
        ("collapse", notification.collapse_key),
        ("revision", str(notification.revision) if notification.revision > 1 else ""),
        ("trace", notification.trace_id),
        *sorted(notification.metadata.items()),
    ]
    for name, value in rows:
        if value:
            yield Text.assemble((f"  {plain(name):<10}", "dim"), plain(value))


def _lane_lines(lane: Lane, scale: _Scale) -> Iterator[Text]:
    yield Text.assemble(
        (lane.channel, "bold"),
        f"  {plain(lane.endpoint)}  ",
        (lane.state, _STYLES[lane.tone]),
        (f"  (of revision {lane.revision})" if lane.revision else "", "dim"),
    )
    for stage in lane.stages:
        yield from _stage_lines(stage, scale)
    if lane.detail and not any(lane.detail in stage.words for stage in lane.stages):
        yield Text(f"    {plain(lane.detail)}", style=_STYLES[lane.tone])


def _stage_lines(stage: Stage, scale: _Scale) -> Iterator[Text]:
    label = plain(f"  {stage.label}")
    offset = show_milliseconds(stage.end)
    yield Text.assemble(
        f"{label:<{_LABEL_WIDTH}}",
        (f"{scale.bar(stage.start, stage.end):<{scale.width}}", _STYLES[stage.tone]),
        f" {offset:>{_OFFSET_WIDTH}}",
    )
    for line in plain(stage.words).splitlines():
        yield Text(f"    {line}", style="dim")


def _draws_lines(console: Console) -> bool:
    return console.encoding.lower().replace("-", "").startswith("utf")


def _clamp(share: float) -> float:
    return min(max(share, 0.0), 1.0)
