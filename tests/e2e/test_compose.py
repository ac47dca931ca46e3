"""What docker-compose.yml says, run as plain processes: migrations, every service, Envoy, the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
import yaml

from cli.serve import ENDS_WITHIN_SECONDS, SERVICE_NAMES
from libs.embedded.data_directory import open_data_directory
from libs.embedded.kernel import die_with_parent
from libs.embedded.parts import open_parts
from libs.embedded.ports import HOST
from libs.embedded.smtp_sink import open_smtp_sink
from tests.e2e.test_send import delivered
from tests.support.api import Api
from tests.support.compose import (
    ROOT,
    ComposeService,
    DoesNotStart,
    Places,
    read_compose,
    services_of,
    stop_seconds,
)
from tests.support.ports import free_port
from tests.support.rabbitmq import open_broker_node
from tidings.dispatch.v1.dead_letter_service_pb2 import ListDeadLettersRequest
from tidings.dispatch.v1.dead_letter_service_pb2_grpc import DeadLetterServiceStub
from tidings.inbox.v1.inbox_stream_service_pb2 import StartLive, SubscribeRequest
from tidings.internal.access.v1.tenant_service_pb2 import CreateTenantRequest
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceStub
from tidings.template.v1.template_service_pb2 import ListTemplatesRequest

pytestmark = [pytest.mark.external_service, pytest.mark.timeout(300)]

ENVOY = Path(sys.executable).with_name("envoy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything that the file names, running."""

    places: Places
    services: dict[str, ComposeService]
    door: str
    """Envoy's listener."""
    key: str


@asynccontextmanager
async def placed(folder: Path) -> AsyncIterator[Places]:
    """Opens a part of the test's own for each that the file has, and draws the secrets."""
    async with AsyncExitStack() as stack:
        directory = await stack.enter_async_context(open_data_directory(folder / "parts"))
        parts = await stack.enter_async_context(open_parts(directory))
        broker = await stack.enter_async_context(open_broker_node(folder / "rabbitmq"))
        sink = await stack.enter_async_context(open_smtp_sink(folder / "mail"))
        secrets = folder / "secrets"
        subprocess.run([ROOT / "deploy" / "secrets.sh", secrets], check=True)  # noqa: ASYNC221
        yield Places(
            parts={
                authority: urlsplit(url).netloc
                for authority, url in {
                    "postgres:5432": parts.database_url,
                    "rabbitmq:5672": broker.url,
                    "valkey:6379": parts.redis_url,
                    "mailpit:1025": sink.url,
                }.items()
            },
            folder=folder,
            secrets=secrets,
            services=list(services_of(read_compose())),
        )


@asynccontextmanager
async def envoy(places: Places, door: str) -> AsyncIterator[None]:
    """Runs Envoy with deploy/envoy.yaml."""
    file = places.folder / "envoy.yaml"
    file.write_text(places.envoy_configuration(door))
    with (places.folder / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(ENVOY),
            *("-c", str(file), "--concurrency", "1", "--disable-hot-restart"),
            stdout=log,
            stderr=log,
            preexec_fn=partial(die_with_parent, signal.SIGKILL, os.getpid()),
        )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def create_tenant(places: Places) -> str:
    """Returns a key, made as an operator does: `docker compose exec access tidings tenants …`."""
    access = services_of(read_compose())["access"]
    operator = {**access, "command": ["tenants", "create", "acme", "--output=json"]}
    program = ComposeService("operator", operator, places)
    await program.start()
    assert await program.wait() == 0, program.said()
    key: str = json.loads(program.said())["secret"]
    return key


@pytest.fixture(scope="module")
async def places(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Places]:
    async with placed(tmp_path_factory.mktemp("compose")) as found:
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


async def test_a_notification_arrives_through_envoy(deployment: Deployment, api: Api) -> None:
    await api.seed()
    stream = api.stream.Subscribe(
        SubscribeRequest(recipient_id="alice", live=StartLive()), metadata=api.metadata
    )
    frames = stream.__aiter__()
    assert (await anext(frames)).HasField("opened")
    answer = await api.send(variables={"order": 42})
    async with asyncio.timeout(20):
        frame = await anext(frames)
        while not frame.HasField("changes"):
            frame = await anext(frames)
    assert [c.item.item_id for c in frame.changes.changes] == [answer.notification_id]
    stream.cancel()
    await delivered(api, answer.notification_id)
    assert len(list((deployment.places.folder / "mail").glob("*.eml"))) == 1


async def test_each_package_goes_to_its_service(deployment: Deployment, api: Api) -> None:
    async with grpc.aio.insecure_channel(deployment.door) as channel:
        await DeadLetterServiceStub(channel).ListDeadLetters(
            ListDeadLettersRequest(), metadata=api.metadata, timeout=10
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await TenantServiceStub(channel).CreateTenant(
                CreateTenantRequest(tenant_id="stranger"), timeout=10
            )
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


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
    for away in ("rabbitmq:5672", "valkey:6379", "mailpit:1025"):
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
    text = (ROOT / "deploy" / "envoy.yaml").read_text()
    clusters = yaml.safe_load(text)["static_resources"]["clusters"]
    assert {cluster["name"] for cluster in clusters} == set(SERVICE_NAMES)
    for name in SERVICE_NAMES:
        assert f'{{prefix: "/tidings.{name}.v1."}}' in text


async def test_all_end_in_time(deployment: Deployment) -> None:
    # The last one: what it ends was there for all of this file.
    services = deployment.services
    ends = await asyncio.gather(*(service.stop() for service in services.values()))
    codes = {name: code for name, (code, _) in zip(services, ends, strict=True)}
    assert codes == dict.fromkeys(services, 0), ends
