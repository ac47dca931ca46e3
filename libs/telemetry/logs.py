"""Log lines: an event by its name, with fields; for people, or as JSON for a collector.

No line has a word that somebody else wrote: of an exception it says type, SQLSTATE and where it came
through, since its text may quote a row, an address or a template's variables; of a library's message
only the template, since its arguments may be anything, or where it was written.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from libs.config import Environ
from libs.telemetry import contexts
from libs.telemetry.calls import current_call
from libs.telemetry.config import TelemetrySettings
from libs.trace import trace_id

_OURS = ("cli", "libs", "services", "tests")
#: Of every record; what a record has beyond them was given by whoever logged it.
_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_log = logging.getLogger(__name__)


def log_to_stderr(level: int, environ: Environ) -> None:
    """Logs events of at least `level`, or of `TIDINGS_LOG_LEVEL`, in the `TIDINGS_LOG_FORMAT`.

    Raises SettingError.
    """
    settings = TelemetrySettings.from_environ(environ)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(level=settings.log_level.upper() or level, handlers=[handler])
    logging.captureWarnings(True)
    # What nobody caught would else be printed with its text.
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda raised: _uncaught(
        raised.exc_type, raised.exc_value, raised.exc_traceback
    )
    threading.excepthook = lambda raised: _uncaught(
        raised.exc_type, raised.exc_value, raised.exc_traceback
    )


def kind_of(error: BaseException) -> str:
    """Returns what an exception is without what it says: its type and those of its causes."""
    return " < ".join(_kind(one) for one in _chain(error))


class TextFormatter(logging.Formatter):
    """One line per event: when, how bad, where, what, and its fields. Below it where an error came
    through."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the lines of an event."""
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        fields = "".join(f" {name}={value!r}" for name, value in _fields(record).items())
        head = (
            f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} {moment:%Z}"
            f" {record.levelname} {record.name} {_event(record)}{fields}"
        )
        error = _error(record)
        if error is None:
            return head
        return "\n".join([head, *(f"  {line}" for line in _story(error))])


class JsonFormatter(logging.Formatter):
    """One JSON object per event: `time`, `level`, `service`, `logger`, `event`, `trace_id` where there is
    one, the event's own fields, and of an error `error` and `stack`."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of an event."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": _service(record.name),
            "logger": record.name,
            "event": _event(record),
        }
        trace = _trace_id()
        if trace:
            line["trace_id"] = trace
        line |= _fields(record)
        error = _error(record)
        if error is not None:
            line["error"] = kind_of(error)
            line["stack"] = list(_places(error))
        return json.dumps(line, default=str, separators=(",", ":"))


def _is_ours(logger: str) -> bool:
    return logger.partition(".")[0] in _OURS


def _event(record: logging.LogRecord) -> str:
    if _is_ours(record.name):
        return record.getMessage()
    # Without arguments they may be in the text already; where it was written tells what it says.
    return str(record.msg) if record.args else f"{record.module}:{record.lineno}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    if not _is_ours(record.name):
        return {}
    return {name: value for name, value in record.__dict__.items() if name not in _ORDINARY}


def _service(logger: str) -> str:
    area, _, rest = logger.partition(".")
    return rest.partition(".")[0] if area == "services" else "tidings"


def _trace_id() -> str:
    here = contexts.current()
    return f"{here.trace_id:032x}" if here else trace_id(current_call().traceparent)


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)


def _kind(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    state = getattr(error, "sqlstate", None)
    within = (
        ", ".join(map(_kind, error.exceptions)) if isinstance(error, BaseExceptionGroup) else ""
    )
    return name + (f"[{state}]" if state else "") + (f"({within})" if within else "")


def _places(error: BaseException) -> Iterator[str]:
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{frame.filename}:{frame.lineno} {frame.name}"


def _story(error: BaseException) -> Iterator[str]:
    for one in _chain(error):
        yield _kind(one)
        yield from (f"  at {place}" for place in _places(one))


def _uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _log.critical("uncaught", exc_info=(kind, error or kind(), trace))
