"""What can end a command early, each with its exit code, a sentence and what to do about it."""

from __future__ import annotations

from typing import Any, ClassVar

import grpc
from google.rpc.status_pb2 import Status

from cli.program import pasteable
from cli.status_details import StatusDetails, details_of, read_details
from libs.errors import FieldViolation

REFUSED = 1
MISUSED = 2
UNREACHABLE = 3

_CODES = {code.value[0]: code for code in grpc.StatusCode}

_HINTS = {
    "CREDENTIAL_MISSING": "give --api-key, set TIDINGS_API_KEY, or work in the directory of `tidings run`",
    "CREDENTIAL_INVALID": "give another key by --api-key, or the server's own cli.toml by --config",
    "CREDENTIAL_EXPIRED": "make a new key: `tidings keys create`",
    "SCOPE_MISSING": "use a key that has the scope, or make one: `tidings keys create --scope …`",
    "TEMPLATE_NOT_FOUND": "`tidings templates list` shows what there is, `tidings templates put DIR` adds one",
    "TEMPLATE_NOT_PUBLISHED": "`tidings templates publish {template}`; `tidings templates versions {template}` lists what is published",
    "TEMPLATE_VARIABLES_MISMATCH": "`tidings templates get {template}` shows the variables; give each as --var name=value",
    "CATEGORY_NOT_FOUND": "`tidings categories list` shows what there is, `tidings categories put` adds one",
    "RECIPIENT_NOT_FOUND": "`tidings recipients list` shows who there is, `tidings recipients put` adds one",
    "CHANNEL_NOT_IN_TEMPLATE": "leave --channel out, or add the channel's folder to the template",
    "REQUEST_ID_REUSED": "choose another --request-id, or leave it out",
    "ANSWER_UNREADABLE": "look at what the first call did; for another choose another --request-id",
    "ETAG_MISMATCH": "somebody else changed it meanwhile; look at it and try again",
    "API_KEY_NOT_FOUND": "`tidings keys list` shows the keys there are",
    "CURSOR_INVALID": "leave --after out to begin with a snapshot",
    "TENANT_ALREADY_EXISTS": "`tidings tenants key ID` makes a key to get back in with",
    "WEBHOOK_URL_REFUSED": "the server's operator opens networks by TIDINGS_EGRESS_…; see docs/settings.md",
    "BACKLOG_FULL": "wait until what was accepted has left; `tidings list` shows what waits",
    "CLUSTER_CREDENTIAL_INVALID": "give the cluster's secret by TIDINGS_CLUSTER_SECRET",
    "METHOD_NOT_FOUND": "the server is older than this command line; update it",
}


class CommandError(Exception):
    """Ends a command; printed on stderr, never with a traceback."""

    exit_code: ClassVar[int] = REFUSED

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def lines(self) -> list[str]:
        """Returns what stands below the sentence."""
        return [f"try: {pasteable(self.hint)}"] if self.hint else []

    def document(self) -> dict[str, Any]:
        """Returns the error as `--output json` prints it."""
        document: dict[str, Any] = {"message": self.sentence}
        if self.hint:
            document["hint"] = pasteable(self.hint)
        return document


class Misused(CommandError):
    """The command cannot be carried out as it was given."""

    exit_code = MISUSED


class Unreachable(CommandError):
    """No server answered."""

    exit_code = UNREACHABLE

    def document(self) -> dict[str, Any]:
        """See CommandError."""
        return {"code": "UNREACHABLE", **super().document()}


class Refused(CommandError):
    """The server said no."""

    def __init__(self, code: grpc.StatusCode, message: str, details: StatusDetails) -> None:
        super().__init__(message or code.name.replace("_", " ").lower(), hint=_hint(details))
        self.code = code
        self.details = details

    @property
    def reason(self) -> str:
        """The published reason, such as `TEMPLATE_NOT_FOUND`; empty when there is none."""
        return self.details.reason

    def lines(self) -> list[str]:
        """See CommandError."""
        details = self.details
        lines = [line for violation in details.violations if (line := self._line(violation))]
        lines.append(f"reason: {details.reason or self.code.name}")
        if details.retry_after is not None:
            lines.append(f"retry after: {details.retry_after:g} s")
        if details.reason == "INTERNAL" and details.request_id:
            lines.append(f"request id: {details.request_id}")
        return lines + super().lines()

    def _line(self, violation: FieldViolation) -> str:
        """Returns the violation without what the sentence has said already."""
        whole = f"{violation.field}: {violation.description}"
        if whole in self.sentence:
            return ""
        return f"at {violation.field}" if violation.description in self.sentence else whole

    def document(self) -> dict[str, Any]:
        """See CommandError."""
        details = self.details
        document: dict[str, Any] = {
            "code": self.code.name,
            "reason": details.reason,
            **super().document(),
            "metadata": dict(details.metadata),
            "field_violations": [
                {"field": violation.field, "description": violation.description}
                for violation in details.violations
            ],
        }
        if details.retry_after is not None:
            document["retry_after_seconds"] = details.retry_after
        if details.request_id:
            document["request_id"] = details.request_id
        return document


def from_rpc(error: grpc.aio.AioRpcError, address: str) -> CommandError:
    """Tells a refusal by the server from a server that is not there."""
    code, message = error.code(), error.details() or ""
    details = read_details(error)
    if not details.reason:
        if code is grpc.StatusCode.UNAVAILABLE:
            return _unreachable(address, message)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return Unreachable(
                f"the server at {address} did not answer in time", hint="try again in a moment"
            )
    return Refused(code, message, details)


def _hint(details: StatusDetails) -> str:
    """Returns what to do about a reason, with the names that the server gave; NAME where it gave none."""
    template = details.metadata.get("template", "NAME")
    return _HINTS.get(details.reason, "").replace("{template}", template)


def from_status(status: Status) -> Refused:
    """Returns the refusal of one entry, which came in an answer."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    return Refused(code, status.message, details_of(status))


def _unreachable(address: str, message: str) -> Unreachable:
    lowered = message.lower()
    if "failed to connect" in lowered or "connection refused" in lowered:
        return Unreachable(f"no server at {address}; start one with `make run`")
    if "dns" in lowered or "resol" in lowered:
        return Unreachable(
            f"no server at {address}: there is no such host", hint="give --address HOST:PORT"
        )
    return Unreachable(
        f"the connection to {address} broke: {message or 'no reason given'}",
        hint="try again; the server may be restarting",
    )
