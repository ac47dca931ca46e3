"""Metrics of a real server, as Prometheus scrapes them and as OTLP brings them."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from prometheus_client.samples import Sample

from cli.serve import ServeOptions, open_cluster
from libs.telemetry import names
from tests.e2e.cli.refusing_mail_server import refusing_mail_server
from tests.e2e.telemetry.conftest import exporting
from tests.e2e.telemetry.test_traces import stages_of, streams, traceparent
from tests.support.api import open_api, send_request
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
BOUNDED = {
    "le",
    "tidings_channel",
    "tidings_priority",
    "tidings_provider",
    "tidings_outcome",
    "tidings_stage",
    "tidings_loop",
    "rpc_system_name",
    "rpc_method",
    "rpc_response_status_code",
}
EXPORTED = {
    names.NOTIFICATIONS_ACCEPTED,
    names.NOTIFICATIONS_PLANNED,
    names.DELIVERY_OUTCOMES,
    names.ACCEPT_TO_SENT,
    names.ACCEPT_TO_STREAM,
    names.OUTBOX_AGE,
    names.LANE_IN_USE,
    names.STREAMS_OPEN,
    names.RPC_SERVER_DURATION,
}


def fetch(address: str, accept: str) -> str:
    request = urllib.request.Request(f"http://{address}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - our own listener
        text: str = response.read().decode()
    return text


async def scrape(address: str, accept: str = OPEN_METRICS) -> dict[str, Metric]:
    text = await asyncio.to_thread(fetch, address, accept)
    parse = open_metrics if accept == OPEN_METRICS else plain_text
    return {family.name: family for family in parse(text)}


def samples(families: dict[str, Metric], family: str, **labels: str) -> list[Sample]:
    """Returns the samples that have these labels."""
    return [
        sample
        for sample in families[family].samples
        if all(sample.labels.get(key) == value for key, value in labels.items())
    ]


def total(found: Iterable[Sample], ending: str) -> float:
    return sum(sample.value for sample in found if sample.name.endswith(ending))


async def test_prometheus_and_otlp_tell_the_same_story(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with refusing_mail_server() as mail:
        async with exporting(tmp_path, TIDINGS_METRICS_ADDRESS=address, TIDINGS_SMTP_URL=mail) as (
            receiver,
            _,
            api,
        ):
            context = traceparent(sampled=True)
            async with streams(api, ["alice"]):
                sent = await api.ingestion.SendNotification(
                    send_request(channels=[CHANNEL_IN_APP]),
                    metadata=(*api.metadata, ("traceparent", context)),
                )
                for _ in range(3):
                    await api.send(channels=[CHANNEL_EMAIL])
                await stages_of(receiver, [sent.notification_id])

                async def settled() -> dict[str, Metric] | None:
                    found = await scrape(address)
                    outcomes = samples(
                        found, "tidings_delivery_outcomes", tidings_outcome="permanent"
                    )
                    return found if total(outcomes, "_total") == 3 else None

                await eventually(settled)
                # Whoever scrapes next sees the exemplars, too.
                families = await scrape(address)
            plain = await scrape(address, "text/plain")

            async def exported() -> bool:
                # In its own time, which a scrape does not wait for.
                return {metric.name for _, metric in receiver.metrics} >= EXPORTED

            await eventually(exported)

    assert total(samples(families, "tidings_notification_accepted"), "_total") == 4
    planned = samples(families, "tidings_notification_planned", tidings_outcome="planned")
    assert total(planned, "_total") == 4
    refused = samples(
        families, "tidings_delivery_outcomes", tidings_channel="email", tidings_provider="smtp"
    )
    assert total(refused, "_total") == 3
    taken = samples(families, "tidings_delivery_outcomes", tidings_outcome="accepted")
    assert [sample.labels["tidings_provider"] for sample in taken] == ["inbox"]
    for family in (
        "tidings_delivery_accept_to_sent_seconds",
        "tidings_inbox_accept_to_stream_write_seconds",
    ):
        found = samples(families, family)
        assert total(found, "_count") == 1
        assert 0 < total(found, "_sum") < 30
        exemplars = [sample.exemplar for sample in found if sample.exemplar]
        assert {exemplar.labels["trace_id"] for exemplar in exemplars} == {context[3:35]}
    (streaming,) = samples(families, "tidings_inbox_streams_open")
    assert streaming.value == 1
    assert len(samples(families, "tidings_lane_in_use", tidings_channel="in_app")) == 4
    assert "tidings_outbox_age_seconds" in families
    calls = samples(
        families,
        "rpc_server_call_duration_seconds",
        rpc_method="tidings.ingestion.v1.IngestionService/SendNotification",
        rpc_response_status_code="OK",
    )
    assert total(calls, "_count") == 4
    labels = {label for family in families.values() for s in family.samples for label in s.labels}
    assert labels <= BOUNDED
    assert plain.keys() >= {"tidings_notification_accepted", "rpc_server_call_duration_seconds"}
    assert all(metric.unit for _, metric in receiver.metrics)


async def test_port_zero_is_a_free_port_and_waiting_rows_are_counted(tmp_path: Path) -> None:
    environ = {
        "TIDINGS_METRICS_ADDRESS": "127.0.0.1:0",
        "TIDINGS_INGESTION_CREDIT_WINDOW": "1",
        # Nobody is called in time, so deliveries wait.
        "TIDINGS_SMTP_URL": f"file://{tmp_path}/mails?rate=0.01",
        "TIDINGS_SMTP_CONNECTIONS": "1",
        "TIDINGS_DISPATCH_LANE_CAPACITY": "1",
    }
    options = ServeOptions(data_directory=tmp_path / "d", listen="127.0.0.1:0", environ=environ)
    async with open_cluster(options) as cluster, open_api(cluster) as api:
        assert not cluster.metrics_address.endswith(":0")
        await api.seed()
        for _ in range(20):
            await api.send(channels=[CHANNEL_EMAIL])

        async def waits() -> bool:
            found = await scrape(cluster.metrics_address)
            if "tidings_backlog" not in found:
                return False
            backlog = samples(found, "tidings_backlog", tidings_channel="email")
            (in_use,) = samples(
                found, "tidings_lane_in_use", tidings_channel="email", tidings_priority="normal"
            )
            return total(backlog, "") > 10 and in_use.value == 1

        await eventually(waits, within=60)
        # What the gate refuses, and what nobody knows, is bounded as well.
        for method in ("/tidings.nope.v1.Nope/A", f"/tidings.x.v1.X/{os.urandom(4).hex()}"):
            call: Any = api.channel.unary_unary(method)
            assert await call(b"").code() is not None
        found = await scrape(cluster.metrics_address)
        methods = {
            s.labels["rpc_method"] for s in found["rpc_server_call_duration_seconds"].samples
        }
        assert "_OTHER" in methods
        assert not any("tidings.x" in method or "Nope" in method for method in methods)
