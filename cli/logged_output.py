"""How commands that host servers speak where logs are JSON: in log lines, so that a collector reads one
stream and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from cli.errors import CommandError
from cli.log_format import logs_are_json
from cli.output import Output, OutputFormat

_log = logging.getLogger(__name__)


def hosting_output() -> Output:
    """Returns what a command that hosts servers speaks through."""
    return LoggedOutput() if logs_are_json() else Output()


class LoggedOutput(Output):
    """Each event is a log line with its fields; what is for people only is left out."""

    def __init__(self) -> None:
        super().__init__(OutputFormat.JSON)
        # What is told here is what the command was called for, whatever else is to be logged.
        _log.setLevel(logging.INFO)

    # Any: a log line takes what JSON can hold.
    def event(self, name: str, show: Callable[[], None], **fields: Any) -> None:
        """See Output."""
        _log.info(name, extra=fields)

    def end_line(self) -> None:
        """Nothing: no terminal is spoken to."""

    def error(self, error: CommandError) -> None:
        """Logs what ended the command."""
        if not logging.getLogger().handlers:
            # It was the settings of the logs themselves.
            super().error(error)
            return
        fields = {"sentence": error.sentence, "hint": error.hint, "exit_code": error.exit_code}
        _log.error("command_failed", extra=fields)
