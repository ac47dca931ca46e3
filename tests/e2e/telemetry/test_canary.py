"""Nobody learns from a log, a span, a metric, a dead letter or an error what a notification says, or
to whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.telemetry.canary import told

pytestmark = [pytest.mark.external_service, pytest.mark.timeout(240)]

# By place, code that has the server tell too much there.
LEAKS = {
    "log": """
import logging, libs.telemetry.logs as logs
formatted = logs.JsonFormatter.format
def leak(self, record):
    return formatted(self, record) + (repr(record.exc_info[1].__dict__) if record.exc_info else "")
logs.JsonFormatter.format = leak
""",
    "otlp": """
import services.dispatch.usecases.tell as tell
about = tell._about
tell._about = lambda delivery: {**about(delivery), "endpoint": delivery.task.endpoint}
""",
    "prometheus": """
import libs.telemetry.metrics as metrics, services.dispatch.usecases.tell as tell
def leak(decisions, attempts):
    for decision in decisions:
        metrics.delivery_outcomes(decision.delivery.channel, decision.delivery.task.endpoint, {"x": 1})
tell._count_attempts = leak
""",
    "dead letters": """
from services.dispatch.entrypoints.work_consumer import WorkConsumer
bury = WorkConsumer._bury
WorkConsumer._bury = lambda self, message, why: bury(self, message, repr(message.body))
""",
    "statuses": """
import libs.rpc.status as status
from google.rpc import status_pb2
def leak(error, request_id):
    return status_pb2.Status(code=13, message=repr(getattr(error, "detail", error)))
import libs.rpc.pipeline
status.status_of = leak
""",
}


async def test_no_canary_sings(tmp_path: Path) -> None:
    async with told(tmp_path) as found:
        assert found.hits() == []
    lines = [json.loads(line) for line in found.places["log"].splitlines() if line]
    assert all({"time", "level", "service", "event"} <= line.keys() for line in lines)
    failed = [line for line in lines if line["event"] == "handler_failed"]
    assert any("CheckViolationError[23514]" in line["error"] for line in failed)
    refused = [line for line in lines if line["event"] == "deliveries_not_taken"]
    assert all(line["notification_ids"] and line["trace_id"] for line in refused)
    assert all(found.places[place] for place in LEAKS)


async def test_each_leak_is_heard(tmp_path: Path) -> None:
    program = "\n".join([*LEAKS.values(), "from cli.main import main; main()"])
    async with told(tmp_path, program=program) as found:
        assert {hit.partition(":")[0] for hit in found.hits()} == LEAKS.keys()
