"""Contents to test with."""

from __future__ import annotations

from services.template.domain.models import Channel, Content, Variable


def email(
    subject: str = "s", text: str = "t", html: str = "", variables: tuple[Variable, ...] = ()
) -> Content:
    """A mail."""
    sources = {Channel.EMAIL: {"subject": subject, "text": text, "html": html}}
    return Content(variables=variables, sources=sources)


def in_app(
    title: str = "t", body: str = "", action_url: str = "", variables: tuple[Variable, ...] = ()
) -> Content:
    """An inbox item."""
    sources = {Channel.IN_APP: {"title": title, "body": body, "action_url": action_url}}
    return Content(variables=variables, sources=sources)


def webhook(data: str, variables: tuple[Variable, ...] = ()) -> Content:
    """A call to an endpoint."""
    return Content(variables=variables, sources={Channel.WEBHOOK: {"data": data}})


def declared(*names: str) -> tuple[Variable, ...]:
    """Variables by name; those that end in `?` are optional."""
    return tuple(
        Variable(name=name.removesuffix("?"), optional=name.endswith("?")) for name in names
    )
