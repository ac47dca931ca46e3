"""Log lines say what happened, and nothing that somebody else wrote."""

from __future__ import annotations

import json
import logging
import sys

import asyncpg
import pytest

from libs.config import Environ, SettingError
from libs.errors import DependencyUnavailable
from libs.telemetry.logs import JsonFormatter, TextFormatter, kind_of, log_to_stderr

CANARY = "canary@example.com"


def record(
    name: str,
    message: str,
    *args: object,
    error: BaseException | None = None,
    **fields: object,
) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": name, "msg": message, "args": args, "levelname": "ERROR", **fields}
    )
    if error is not None:
        made.exc_info = (type(error), error, error.__traceback__)
    return made


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException:  # noqa: BLE001 - for its traceback
        found = sys.exc_info()[1]
        assert found is not None
        return found


def unique_violation() -> asyncpg.UniqueViolationError:
    error = asyncpg.UniqueViolationError(f"duplicate {CANARY}")
    error.detail = f"Key (address)=({CANARY}) already exists."
    return error


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_of_an_error_it_tells_type_state_and_place_but_no_text(
    formatter: logging.Formatter,
) -> None:
    error = raised(RuntimeError(f"for {CANARY}"), raised(unique_violation()))
    line = formatter.format(record("services.dispatch.x", "batch_failed", error=error, sent=3))
    assert CANARY not in line
    assert "batch_failed" in line
    assert "RuntimeError" in line
    assert "UniqueViolationError[23505]" in line
    assert "test_logs.py" in line


def test_a_json_line_has_the_fields_that_a_collector_needs() -> None:
    line = json.loads(
        JsonFormatter().format(record("services.dispatch.usecases.lane", "batch_failed", sent=3))
    )
    assert line["service"] == "dispatch"
    assert line["event"] == "batch_failed"
    assert line["level"] == "error"
    assert line["sent"] == 3
    assert line["time"].endswith("+00:00")


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_of_a_librarys_message_it_tells_the_template_or_only_the_place(
    formatter: logging.Formatter,
) -> None:
    templated = record("aiormq.connection", "sent %r", CANARY)
    assert "sent %r" in formatter.format(templated)
    filled = record("asyncio", f"Exception in callback f({CANARY!r})\nhandle: {CANARY}", x=CANARY)
    for line in map(formatter.format, (templated, filled)):
        assert CANARY not in line


def test_kinds_of_groups_and_causes() -> None:
    group = ExceptionGroup(CANARY, [ValueError(CANARY), unique_violation()])
    cause = raised(DependencyUnavailable("postgresql"), raised(group))
    words = kind_of(cause)
    assert CANARY not in words
    assert "DependencyUnavailable < ExceptionGroup(ValueError, " in words


@pytest.mark.parametrize("key", ["TIDINGS_LOG_FORMAT", "TIDINGS_LOG_LEVEL"])
def test_a_wrong_setting_names_itself(key: str) -> None:
    with pytest.raises(SettingError, match=key):
        log_to_stderr(logging.INFO, Environ({key: "loud"}))
