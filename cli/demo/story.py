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
from cli.times import show_milliseconds
from cli.waterfall import draw

_MAIL_LINES = 6


def tell(output: Output, arrivals: Arrivals) -> None:
    """Shows both arrivals and the notification's way."""
    notification = arrivals.notification
    _title(output, f"sent to {RECIPIENT}: {TEMPLATE}, order 42")
    output.line(f"  accepted as {notification.notification_id}")
    if arrivals.mail is not None:
        _tell_mail(output, arrivals.mail)
    else:
        _title(output, "the mail, as your mail server took it")
        for attempt in email_delivery(notification).attempts:
            output.line(f"  {attempt.provider}: {attempt.response}")
    after = show_milliseconds(arrivals.item_after)
    _title(output, f"the inbox item, {after} later on {RECIPIENT}'s open stream")
    item = arrivals.item
    for text in (item.title, item.body, item.action_url):
        output.paragraph(text, indent=2)
    _title(output, "its way")
    draw(notification, output.console)


def _tell_mail(output: Output, mail: Mail) -> None:
    _title(output, f"the mail, in {_short(mail.path)}")
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
        output.line(f"  export TIDINGS_CONFIG={shlex.quote(_short(file))}")
    for command in commands:
        output.line(f"  {_program()} {command}")
    if buf := _neighbour("buf"):
        # Reflection is on: any gRPC client that has it needs none of our files.
        output.line(
            f"  {buf} curl --protocol grpc --http2-prior-knowledge --list-methods http://{address}"
        )
    output.line()
    output.line("Ctrl-C stops it.", "dim")


def _program() -> str:
    """Returns how this program is called from here."""
    found = shutil.which("tidings")
    here = Path(sys.argv[0]).absolute()
    if here.name == "__main__.py":
        return f"{shlex.quote(_short(Path(sys.executable)))} -m {here.parent.name}"
    if found is not None and Path(found).resolve() == here.resolve():
        return "tidings"
    return shlex.quote(_short(here))


def _neighbour(name: str) -> str | None:
    """Returns how another program is called, if it is installed beside this one or at large."""
    if shutil.which(name) is not None:
        return name
    beside = Path(sys.executable).with_name(name)
    return shlex.quote(_short(beside)) if beside.exists() else None


def _short(path: Path) -> str:
    """Returns the path from here, when it lies below."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _title(output: Output, text: str) -> None:
    output.line()
    output.line(text, "bold")
