"""`tidings preferences`: what recipients want."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from cli.command import command
from cli.names import CHANNELS
from cli.output import Output
from cli.session import Session
from tidings.common.v1.channel_pb2 import Channel
from tidings.preference.v1.preference_service_pb2 import (
    GetPreferencesRequest,
    Preference,
    PreferenceChoice,
    UpdatePreferencesRequest,
)
from tidings.preference.v1.preference_service_pb2_grpc import PreferenceServiceStub

app = typer.Typer(help="What recipients want.", no_args_is_help=True, add_completion=False)
RecipientId = Annotated[str, typer.Argument(metavar="RECIPIENT")]

_WORDS = {
    PreferenceChoice.PREFERENCE_CHOICE_ENABLED: "on",
    PreferenceChoice.PREFERENCE_CHOICE_DISABLED: "off",
}


@command(app, "set")
async def set_preference(
    session: Session,
    recipient_id: RecipientId,
    category: Annotated[
        str, typer.Option(show_default="every category", help="What it is about.")
    ] = "",
    channel: Annotated[
        Channel.ValueType | None,
        typer.Option(
            parser=CHANNELS.parse,
            metavar=CHANNELS.metavar,
            show_default="every channel",
            help="Which way.",
        ),
    ] = None,
    on: Annotated[bool, typer.Option("--on", metavar="", help="Wants them.")] = False,
    off: Annotated[bool, typer.Option("--off", metavar="", help="Does not want them.")] = False,
    clear: Annotated[
        bool, typer.Option("--clear", metavar="", help="Says nothing about them.")
    ] = False,
) -> None:
    """Set or clear one preference; give one of --on, --off and --clear."""
    preference = Preference(
        category=category,
        channel=channel or Channel.CHANNEL_UNSPECIFIED,
        choice=_choose(on=on, off=off, clear=clear),
    )
    stub = PreferenceServiceStub(session.channel)
    response = await session.ask(
        stub.UpdatePreferences,
        UpdatePreferencesRequest(recipient_id=recipient_id, preferences=[preference]),
    )
    session.output.answer(response, lambda: _show(session.output, response.preferences))


@command(app, "get")
async def get(session: Session, recipient_id: RecipientId) -> None:
    """Show the preferences that a recipient has set."""
    stub = PreferenceServiceStub(session.channel)
    response = await session.ask(
        stub.GetPreferences, GetPreferencesRequest(recipient_id=recipient_id)
    )
    session.output.answer(response, lambda: _show(session.output, response.preferences))


def _choose(*, on: bool, off: bool, clear: bool) -> PreferenceChoice.ValueType:
    if [on, off, clear].count(True) != 1:
        raise typer.BadParameter("give one of --on, --off and --clear")
    if on:
        return PreferenceChoice.PREFERENCE_CHOICE_ENABLED
    if off:
        return PreferenceChoice.PREFERENCE_CHOICE_DISABLED
    return PreferenceChoice.PREFERENCE_CHOICE_UNSPECIFIED


def _show(output: Output, preferences: Iterable[Preference]) -> None:
    rows = [
        (
            preference.category or "(every)",
            CHANNELS.name(preference.channel) if preference.channel else "(every)",
            _WORDS.get(preference.choice, "-"),
        )
        for preference in preferences
    ]
    if rows:
        output.columns(rows, header=("CATEGORY", "CHANNEL", "WANTED"))
    else:
        output.line("no preferences set: everything is wanted")
