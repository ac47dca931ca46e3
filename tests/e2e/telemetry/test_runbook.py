"""What the alerts and the pages name is what a server shows."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import grpc
import yaml

from cli.serve import SERVICE_NAMES, ServeOptions, open_cluster
from libs.runtime.loops import Loops
from libs.telemetry import names
from services.dispatch.domain.models import DeliveryState, Outcome
from tests.e2e.rpcs.methods import public_rpcs
from tests.e2e.telemetry.test_metrics import BOUNDED, scrape
from tests.e2e.telemetry.test_traces import streams
from tests.support.api import open_api
from tests.support.eventually import eventually
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.common.v1.priority_pb2 import Priority

ROOT = Path(__file__).resolve().parents[3]
ALERTS = ROOT / "deploy" / "alerts.yml"
RUNBOOK = ROOT / "docs" / "runbook.md"
NAME = re.compile(r"\b(?:tidings|rpc)_[a-z_]+\b")
MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def named() -> set[str]:
    """Returns the names of metrics that alerts and runbook use."""
    return set(NAME.findall(ALERTS.read_text() + RUNBOOK.read_text())) - BOUNDED


async def break_down() -> None:
    raise RuntimeError


async def test_each_metric_that_is_named_is_on_the_page_of_a_server(tmp_path: Path) -> None:
    environ = {
        "TIDINGS_METRICS_ADDRESS": "127.0.0.1:0",
        # Nobody is called in time, so deliveries wait.
        "TIDINGS_SMTP_URL": f"file://{tmp_path}/mails?rate=0.01",
        "TIDINGS_DISPATCH_LANE_CAPACITY": "1",
        "TIDINGS_INGESTION_CREDIT_WINDOW": "1",
    }
    options = ServeOptions(data_directory=tmp_path / "d", listen="127.0.0.1:0", environ=environ)
    broken = Loops()
    async with open_cluster(options) as cluster, open_api(cluster) as api:
        await api.seed()
        broken.add("broken", break_down)
        broken.start()
        async with streams(api, ["alice"]):
            await api.send(channels=[CHANNEL_IN_APP])
            for _ in range(10):
                await api.send(channels=[CHANNEL_EMAIL])

            async def missing() -> set[str]:
                families = await scrape(cluster.metrics_address)
                shown = chain.from_iterable(family.samples for family in families.values())
                return named() - {sample.name for sample in shown}

            async def all_there() -> bool:
                return not await missing()

            try:
                await eventually(all_there, within=30)
            except TimeoutError:
                assert await missing() == set()
        await broken.stop()


def test_each_value_that_an_alert_asks_for_can_be() -> None:
    outcomes = {outcome.name.lower() for outcome in Outcome}
    possible = {
        "tidings_outcome": outcomes | {state.name.lower() for state in DeliveryState},
        "tidings_priority": {names.priority_name(number) for number in Priority.values()},
        "tidings_stage": {"planning", "delivering"},
        "tidings_provider": {"none"},
        "rpc_method": {rpc.path.removeprefix("/") for rpc in public_rpcs()},
        "rpc_response_status_code": {code.name for code in grpc.StatusCode},
        "job": {"tidings"},
    }
    found = MATCHER.findall(ALERTS.read_text() + RUNBOOK.read_text())
    assert found
    for label, operator, value in found:
        for one in value.split("|") if operator == "=~" else [value]:
            assert any(re.fullmatch(one, other) for other in possible[label]), (label, one)


def test_each_alert_has_a_line_in_the_runbook_and_the_other_way_round() -> None:
    lines = re.findall(r"^\| (Tidings\w+) \|", RUNBOOK.read_text(), re.MULTILINE)
    assert lines == [rule["alert"] for rule in alerts()]


def test_the_first_alert_counts_every_service() -> None:
    assert alerts()[0]["expr"].endswith(f"< {len(SERVICE_NAMES)}")
