"""Tells what the demo saw, and what to try next."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from cli.configuration import DEFAULT_LOCATION
from cli.demo.arrivals import RECIPIENT, TEMPLATE, Arrivals, email_delivery
from cli.demo.mail import Mail
from cli.output import Output
from cli.program import program, short
from cli.times import show_milliseconds
from cli.waterfall import draw

_MAIL_LINES = 6


def tell(output: Output, arrivals: Arrivals, *, kept: bool) -> None:
    """Shows both arrivals and the notification's way; `kept` when the mail stays to be read."""
    notification = arrivals.notification
    _title(output, f"sent to {RECIPIENT}: {TEMPLATE}, order 42")
    output.line(f"  accepted as {notification.notification_id}")
    if arrivals.mail is not None:
        _tell_mail(output, arrivals.mail, kept=kept)
    else:
        _title(output, "the mail, as your mail server took it")
        for attempt in email_delivery(notification).attempts:
            output.line(f"  {attempt.provider}: {attempt.response}")
    after = show_milliseconds(arrivals.item_after)
    _title(
        output, f"the inbox item, on {RECIPIENT}'s open stream {after} after the request was sent"
    )
    item = arrivals.item
    for text in (item.title, item.body, item.action_url):
        output.paragraph(text, indent=2)
    _title(output, "its way")
    draw(notification, output.console)


def _tell_mail(output: Output, mail: Mail, *, kept: bool) -> None:
    where = f"in {short(mail.path)}" if kept else "which is removed with the demo"
    _title(output, f"the mail, {where}")
    for name, value in (("From", mail.sender), ("To", mail.recipient), ("Subject", mail.subject)):
        output.line(f"  {name}: {value}")
    output.line()
    lines = mail.text.splitlines()
    for line in lines[:_MAIL_LINES]:
        output.line(f"  {line}")
    if len(lines) > _MAIL_LINES:
        output.line("  …")


def tell_next(output: Output, address: str, file: Path, notification_id: str | None) -> None:
    """Shows commands to paste into another terminal."""
    commands = [
        f"watch {RECIPIENT}",
        f"send --to {RECIPIENT} --template {TEMPLATE} --var order=42",
        f"inbox list {RECIPIENT}",
        "templates list",
    ]
    if notification_id is not None:
        commands.insert(2, f"get {notification_id}")
    _title(output, f"up at {address}; in another terminal, here")
    if file.absolute() != Path.cwd() / DEFAULT_LOCATION:
        output.line(f"  export TIDINGS_CONFIG={shlex.quote(short(file))}")
    for command in commands:
        output.line(f"  {program()} {command}")
    if buf := _neighbour("buf"):
        # Reflection is on: any gRPC client that has it needs none of our files.
        output.line(
            f"  {buf} curl --protocol grpc --http2-prior-knowledge --list-methods http://{address}"
        )
    output.line()
    output.line("Ctrl-C stops it.", "dim")


def _neighbour(name: str) -> str | None:
    """Returns how another program is called, if it is installed beside this one or at large."""
    if shutil.which(name) is not None:
        return name
    beside = Path(sys.executable).with_name(name)
    return shlex.quote(short(beside)) if beside.exists() else None


def _title(output: Output, text: str) -> None:
    output.line()
    output.line(text, "bold")
