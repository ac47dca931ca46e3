"""Every public RPC: a good call, each documented rule broken, every wrong credential, another tenant,
too large, unreadable, and repeated. A new RPC fails here until it has its row in `table.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress

import grpc
import pytest
from google.protobuf.message import Message

from cli.serve import Cluster
from libs.rpc.rules import scope_name
from tests.e2e.rpcs.methods import Rpc, public_rpcs
from tests.e2e.rpcs.table import SHOWING_EVERYTHING, TABLE, Elsewhere
from tests.e2e.rpcs.violations import broken_requests, ruled_paths
from tests.e2e.rpcs.world import World, make_world
from tests.support.api import open_api
from tests.support.refusals import Refusal, refusal
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.error_reason_pb2 import ErrorReason

RPCS = public_rpcs()
Status = grpc.StatusCode
EVERY_SCOPE = [scope for scope in Scope.values() if scope > Scope.SCOPE_ADMIN]
READING = ("Get", "List", "Preview", "Count", "Subscribe", "Issue")

every_rpc = pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
guarded_rpc = pytest.mark.parametrize(
    "rpc", [rpc for rpc in RPCS if rpc.scope], ids=lambda rpc: rpc.name
)
repeatable_rpc = pytest.mark.parametrize(
    "rpc", [rpc for rpc in RPCS if rpc.has_request_id], ids=lambda rpc: rpc.name
)


def test_every_rpc_has_its_row() -> None:
    assert {rpc.name for rpc in RPCS} == set(TABLE)


@pytest.fixture(scope="module")
async def shared(cluster: Cluster) -> AsyncIterator[World]:
    """For calls that change nothing."""
    async with (
        open_api(cluster) as api,
        grpc.aio.insecure_channel(cluster.public_address) as channel,
    ):
        yield await make_world(api, channel)


@pytest.fixture
async def world(rpc: Rpc, shared: World, cluster: Cluster) -> AsyncIterator[World]:
    """A tenant of its own for each call that changes something."""
    if rpc.method.name.startswith(READING):
        yield shared
        return
    async with open_api(cluster) as api:
        yield await make_world(api, shared.channel)


async def refused(call: Awaitable[Message]) -> Refusal:
    error = await refusal(call)
    assert f"ERROR_REASON_{error.reason}" in ErrorReason.DESCRIPTOR.values_by_name
    return error


@every_rpc
async def test_a_good_call_is_answered(rpc: Rpc, world: World) -> None:
    await world.call(rpc, TABLE[rpc.name].request(world))


@every_rpc
async def test_each_broken_rule_names_its_field(rpc: Rpc, shared: World) -> None:
    good = TABLE[rpc.name].request(shared)
    seen = set()
    for path, request in broken_requests(good):
        seen.add(path)
        if request.ByteSize() > rpc.limit:
            continue
        error = await refused(shared.call(rpc, request))
        assert error.code is Status.INVALID_ARGUMENT, (path, error.message)
        assert error.reason == "INVALID_FIELD", (path, error.message)
        assert path in list(error.violations)
    # A rule that no value of ours breaks would go untested.
    assert seen == ruled_paths(good)


@guarded_rpc
async def test_the_scope_is_needed_and_enough(rpc: Rpc, world: World) -> None:
    request = TABLE[rpc.name].request(world)
    without = await world.key_with([scope for scope in EVERY_SCOPE if scope != rpc.scope])
    error = await refused(world.call(rpc, request, token=without))
    assert error.code is Status.PERMISSION_DENIED
    assert error.reason == "SCOPE_MISSING"
    assert error.metadata["scope"] == scope_name(rpc.scope)
    granted = TABLE[rpc.name].also_needs
    await world.call(rpc, request, token=await world.key_with([rpc.scope, *granted]))


@guarded_rpc
@pytest.mark.parametrize(
    ("token", "reason"), [("", "CREDENTIAL_MISSING"), ("tdk_forged", "CREDENTIAL_INVALID")]
)
async def test_nobody_gets_in(rpc: Rpc, token: str, reason: str, shared: World) -> None:
    error = await refused(shared.call(rpc, TABLE[rpc.name].request(shared), token=token))
    assert error.code is Status.UNAUTHENTICATED
    assert error.reason == reason


@guarded_rpc
async def test_an_app_reaches_its_inbox_only(rpc: Rpc, world: World) -> None:
    request = TABLE[rpc.name].request(world)
    token = await world.recipient_token()
    if rpc.scope in {Scope.SCOPE_INBOX_READ, Scope.SCOPE_INBOX_WRITE}:
        await world.call(rpc, request, token=token)
        request.recipient_id = "bob"  # type: ignore[attr-defined]
        error = await refused(world.call(rpc, request, token=token))
        assert error.reason == "RECIPIENT_MISMATCH"
    else:
        error = await refused(world.call(rpc, request, token=token))
        assert error.reason == "SCOPE_MISSING"
    assert error.code is Status.PERMISSION_DENIED


@every_rpc
async def test_another_tenant_sees_nothing(rpc: Rpc, shared: World, cluster: Cluster) -> None:
    row = TABLE[rpc.name]
    request = row.request(shared)
    async with open_api(cluster) as stranger:
        call = shared.call(rpc, request, token=stranger.key)
        if row.elsewhere in {Elsewhere.NOT_FOUND, Elsewhere.REFUSED}:
            error = await refused(call)
            not_found = row.elsewhere is Elsewhere.NOT_FOUND
            assert error.code is (Status.NOT_FOUND if not_found else Status.INVALID_ARGUMENT)
            assert error.reason.endswith("_NOT_FOUND")
            return
        answer = await call
    if row.elsewhere is Elsewhere.NOTHING:
        text = str(answer)
        assert shared.notification_id not in text
        assert shared.key_id not in text
        assert "alice@example.com" not in text


@every_rpc
async def test_a_stranger_changes_nothing(rpc: Rpc, shared: World, cluster: Cluster) -> None:
    before = await _everything(shared)
    async with open_api(cluster) as stranger:
        with suppress(grpc.aio.AioRpcError):
            await shared.call(rpc, TABLE[rpc.name].request(shared), token=stranger.key)
    assert await _everything(shared) == before


async def _everything(world: World) -> list[Message]:
    by_name = {rpc.name: rpc for rpc in RPCS}
    return [
        await world.call(by_name[name], TABLE[name].request(world)) for name in SHOWING_EVERYTHING
    ]


@every_rpc
async def test_too_large_is_refused(rpc: Rpc, shared: World) -> None:
    good = TABLE[rpc.name].request(shared).SerializeToString()
    size = rpc.limit - len(good)
    error = await refused(shared.call(rpc, good + _unknown_field(size + 1)))
    assert error.code is Status.RESOURCE_EXHAUSTED
    assert error.reason == "REQUEST_TOO_LARGE"
    assert error.metadata["limit"] == str(rpc.limit)


@every_rpc
async def test_the_unreadable_is_refused(rpc: Rpc, shared: World) -> None:
    error = await refused(shared.call(rpc, b"\x0a\xff\xff"))
    assert error.code is Status.INVALID_ARGUMENT
    assert error.reason == "MALFORMED_REQUEST"
    assert error.metadata["message"] == rpc.method.input_type.full_name


@every_rpc
async def test_what_a_newer_client_adds_is_passed_over(rpc: Rpc, world: World) -> None:
    good = TABLE[rpc.name].request(world).SerializeToString()
    await world.call(rpc, good + _unknown_field(20))


@repeatable_rpc
async def test_a_repeat_gets_the_first_answer(rpc: Rpc, world: World) -> None:
    row = TABLE[rpc.name]
    request = row.request(world)
    first, *repeats = [await world.call(rpc, request) for _ in range(3)]
    for repeat in repeats:
        if "replayed" in repeat.DESCRIPTOR.fields_by_name:
            assert repeat.replayed  # type: ignore[attr-defined]
            repeat.ClearField("replayed")
        assert repeat == first
    assert row.other_payload is not None
    row.other_payload(request)
    error = await refused(world.call(rpc, request))
    assert error.code is Status.ALREADY_EXISTS
    assert error.reason == "REQUEST_ID_REUSED"


def _unknown_field(size: int) -> bytes:
    """Returns a field of so many bytes that no contract has: number 9999, of type bytes."""
    tag = b"\xfa\xf0\x04"
    length = size - len(tag) - 4
    varint = b""
    for _ in range(3):
        varint += bytes([(length & 0x7F) | 0x80])
        length >>= 7
    varint += bytes([length & 0x7F])
    return tag + varint + bytes(size - len(tag) - 4)
