"""What docker-compose.yml says, run as plain processes: migrations, every service, Envoy, the end."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from cli.serve import ENDS_WITHIN_SECONDS, SERVICE_NAMES
from libs.embedded.ports import HOST
from libs.telemetry import names
from tests.e2e.rpcs.methods import public_rpcs
from tests.e2e.telemetry.test_metrics import scrape
from tests.e2e.telemetry.test_traces import call_key, stages_of, traceparent
from tests.e2e.test_send import delivered
from tests.support.api import Api, send_request
from tests.support.compose import (
    ROOT,
    ComposeService,
    DoesNotStart,
    Places,
    read_compose,
    services_of,
    stop_seconds,
)
from tests.support.deployment import ENVOY, Deployment, create_tenant, envoy, placed
from tests.support.eventually import eventually
from tests.support.otlp import Receiver, open_receiver
from tests.support.ports import free_port
from tidings.inbox.v1.inbox_stream_service_pb2 import StartLive, SubscribeRequest
from tidings.internal.access.v1.tenant_service_pb2 import CreateTenantRequest
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceStub
from tidings.template.v1.template_service_pb2 import ListTemplatesRequest

pytestmark = [pytest.mark.external_service, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
async def telemetry() -> AsyncIterator[Receiver]:
    """In the place of the collector."""
    async with open_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def places(
    tmp_path_factory: pytest.TempPathFactory, telemetry: Receiver
) -> AsyncIterator[Places]:
    async with placed(tmp_path_factory.mktemp("compose"), telemetry.address) as found:
        yield found


@pytest.fixture(scope="module")
async def deployment(places: Places) -> AsyncIterator[Deployment]:
    compose = read_compose()
    job = ComposeService("migrate", compose["services"]["migrate"], places)
    await job.start()
    assert await job.wait() == 0, job.said()
    services = {
        name: ComposeService(name, service, places)
        for name, service in services_of(compose).items()
    }
    async with AsyncExitStack() as stack:
        for service in services.values():
            stack.push_async_callback(service.kill)
            await service.start()
        for service in services.values():
            await service.ready()
        door = f"{HOST}:{free_port()}"
        if ENVOY.exists():
            await stack.enter_async_context(envoy(places, door))
        key = await create_tenant(places)
        yield Deployment(places=places, services=services, door=door, key=key)


@pytest.fixture
async def api(deployment: Deployment) -> AsyncIterator[Api]:
    if not ENVOY.exists():
        pytest.skip("there is no Envoy for this machine")
    async with grpc.aio.insecure_channel(deployment.door) as channel:
        await asyncio.wait_for(channel.channel_ready(), 30)
        yield Api(channel, deployment.key)


async def test_a_notification_arrives_through_envoy_and_is_one_trace(
    deployment: Deployment, telemetry: Receiver, api: Api
) -> None:
    await api.seed()
    stream = api.stream.Subscribe(
        SubscribeRequest(recipient_id="alice", live=StartLive()), metadata=api.metadata
    )
    frames = stream.__aiter__()
    assert (await anext(frames)).HasField("opened")
    context = traceparent(sampled=True)
    answer = await api.ingestion.SendNotification(
        send_request(), metadata=(*api.metadata, ("traceparent", context)), timeout=20
    )
    async with asyncio.timeout(20):
        frame = await anext(frames)
        while not frame.HasField("changes"):
            frame = await anext(frames)
    assert [c.item.item_id for c in frame.changes.changes] == [answer.notification_id]
    stream.cancel()
    await delivered(api, answer.notification_id)
    assert len(list((deployment.places.folder / "mail").glob("*.eml"))) == 1
    await _is_one_trace(telemetry, answer.notification_id, context)


async def _is_one_trace(receiver: Receiver, notification_id: str, context: str) -> None:
    """Sees each process's spans come into the caller's trace, none of them without its parent."""
    stages = (await stages_of(receiver, [notification_id]))[notification_id]
    trace, call = call_key(context)
    assert {span.trace_id for span in stages.values()} == {trace}
    assert stages[names.ACCEPTED].parent_id == call
    processes = {
        f"tidings.{name}" for name in ("ingestion", "preference", "template", "dispatch", "inbox")
    }

    async def is_whole() -> bool:
        # Each process exports in its own time.
        spans = receiver.of_trace(trace)
        known = {call, *(span.span_id for span in spans)}
        return processes <= {span.service for span in spans} and all(
            span.parent_id in known for span in spans
        )

    await eventually(is_whole, within=30)


async def test_every_public_method_has_a_way_to_its_service(api: Api) -> None:
    answers = {rpc.path: await _answer(api.channel, rpc.path) for rpc in public_rpcs()}
    open_to_all = "/tidings.access.v1.AccessService/GetJsonWebKeySet"
    assert answers.pop(open_to_all) is grpc.StatusCode.OK
    # What knows the method asks for a key; a service that does not, or no route, says UNIMPLEMENTED.
    assert answers == dict.fromkeys(answers, grpc.StatusCode.UNAUTHENTICATED)


async def _answer(channel: grpc.aio.Channel, path: str) -> grpc.StatusCode:
    call: Any = channel.unary_unary(path)
    code: grpc.StatusCode = await call(b"", timeout=10).code()
    return code


async def test_what_is_internal_has_none(api: Api) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await TenantServiceStub(api.channel).CreateTenant(
            CreateTenantRequest(tenant_id="stranger"), timeout=10
        )
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("name", SERVICE_NAMES)
async def test_each_process_shows_its_metrics_and_logs_json(
    deployment: Deployment, name: str
) -> None:
    service = deployment.services[name]
    own = next(rpc.path for rpc in public_rpcs() if rpc.path.startswith(f"/tidings.{name}.v1."))
    async with grpc.aio.insecure_channel(service.public_address) as channel:
        await _answer(channel, own)
    calls = (await scrape(service.metrics_address))["rpc_server_call_duration_seconds"]
    # Nobody else's page has it.
    assert own.removeprefix("/") in {sample.labels["rpc_method"] for sample in calls.samples}
    whole_lines = service.said().splitlines()[1:]
    assert whole_lines
    assert all(json.loads(line)["service"] for line in whole_lines)


async def test_browsers_speak_grpc_web(deployment: Deployment, api: Api) -> None:
    await asyncio.to_thread(_speak_grpc_web, deployment)


def _speak_grpc_web(deployment: Deployment) -> None:
    body = ListTemplatesRequest().SerializeToString()
    request = urllib.request.Request(
        f"http://{deployment.door}/tidings.template.v1.TemplateService/ListTemplates",
        data=b"\0" + len(body).to_bytes(4, "big") + body,
        headers={
            "content-type": "application/grpc-web+proto",
            "authorization": f"Bearer {deployment.key}",
            "origin": "http://localhost:3000",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - our own address
        assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert b"grpc-status:0" in response.read()


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("ingestion", "TIDINGS_DATABASE_URL_FILE"),
        ("template", "TIDINGS_AMQP_URL_FILE"),
        ("inbox", "TIDINGS_REDIS_URL"),
        ("access", "TIDINGS_CLUSTER_SECRET_FILE"),
        ("preference", "TIDINGS_ACCESS_ADDRESS"),
        ("dispatch", "TIDINGS_SMTP_URL"),
    ],
)
async def test_a_service_without_what_it_needs_does_not_start(
    places: Places, tmp_path: Path, name: str, variable: str
) -> None:
    service = deepcopy(services_of(read_compose())[name])
    del service["environment"][variable]
    # Its own ports and folder: the deployment may be running.
    elsewhere = replace(places, folder=tmp_path, ports={})
    process = ComposeService(name, service, elsewhere)
    await process.start()
    with pytest.raises(DoesNotStart, match=variable.removesuffix("_FILE")):
        await process.ready()


@pytest.mark.parametrize("name", ["inbox", "dispatch", "ingestion"])
async def test_a_service_starts_while_only_the_database_is_there(
    deployment: Deployment, tmp_path: Path, name: str
) -> None:
    parts = dict(deployment.places.parts)
    for away in ("rabbitmq:5672", "valkey:6379", "mailpit:1025", "otel-collector:4317"):
        parts[away] = f"{HOST}:{free_port()}"
    elsewhere = replace(deployment.places, parts=parts, folder=tmp_path, ports={})
    process = ComposeService(name, services_of(read_compose())[name], elsewhere)
    await process.start()
    try:
        await process.ready()
        code, _ = await process.stop()
        assert code == 0, process.said()
    finally:
        await process.kill()


def test_the_file_has_every_service_and_time_to_stop() -> None:
    compose = read_compose()
    services = services_of(compose)
    assert {service["command"][1] for service in services.values()} == set(SERVICE_NAMES)
    for name, service in services.items():
        assert service["command"] == ["serve", name]
        assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert service["environment"]["TIDINGS_MIGRATE"] == "off"
        assert stop_seconds(service) > ENDS_WITHIN_SECONDS


def test_envoy_knows_every_service() -> None:
    clusters = _deployed("envoy.yaml")["static_resources"]["clusters"]
    assert {cluster["name"] for cluster in clusters} == set(SERVICE_NAMES)


def test_those_who_watch_know_every_service() -> None:
    compose = read_compose()
    (job,) = _deployed("prometheus.yml")["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) == set(SERVICE_NAMES)
    collector = _deployed("otel-collector.yaml")
    (listener,) = collector["receivers"]["otlp"]["protocols"].values()
    port = listener["endpoint"].rpartition(":")[2]
    for service in services_of(compose).values():
        environment = service["environment"]
        assert environment["TIDINGS_METRICS_ADDRESS"] == f"0.0.0.0:{found['port']}"
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://otel-collector:{port}"
    # Both are exported, and what nobody takes is an error in every process.
    assert collector["service"]["pipelines"].keys() == {"traces", "metrics"}
    for pipeline in collector["service"]["pipelines"].values():
        for kind, components in pipeline.items():
            assert set(components) <= collector[kind].keys()
    hosts = {e["endpoint"].partition(":")[0] for e in collector["exporters"].values() if e}
    assert hosts == {"jaeger"} <= compose["services"].keys()


def test_each_file_that_is_mounted_is_there() -> None:
    compose = read_compose()
    mounted = {
        config["source"] for s in compose["services"].values() for config in s.get("configs", ())
    }
    assert mounted == compose["configs"].keys()
    for config in compose["configs"].values():
        assert (ROOT / config["file"]).is_file()


def _deployed(name: str) -> Any:
    return yaml.safe_load((ROOT / "deploy" / name).read_text())


async def test_all_end_in_time(deployment: Deployment) -> None:
    # The last one: what it ends was there for all of this file.
    services = deployment.services
    ends = await asyncio.gather(*(service.stop() for service in services.values()))
    codes = {name: code for name, (code, _) in zip(services, ends, strict=True)}
    assert codes == dict.fromkeys(services, 0), ends
