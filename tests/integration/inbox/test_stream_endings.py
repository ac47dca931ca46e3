from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest

from tests.integration.hosting import Hosted, recipient_token
from tests.integration.inbox.clients import TENANT, App, admitted, deliver, delivery
from tests.integration.inbox.conftest import HostInbox
from tidings.inbox.v1 import inbox_stream_service_pb2 as pb


async def _closing(app: App) -> pb.Closing:
    """Reads to the last frame; the stream must end well after it."""
    while True:
        frame = await app.next()
        if frame.HasField("closing"):
            assert await app.ended() is grpc.StatusCode.OK
            return frame.closing


async def test_shutdown_says_goodbye(host_inbox: HostInbox, alice: str) -> None:
    async with host_inbox(environ={"TIDINGS_INBOX_MAX_RECONNECT_DELAY_SECONDS": "7"}) as stopping:
        app = App(alice).open(stopping)
        await app.next()
        stopping.draining.set()
        closing = await _closing(app)
        assert closing.reason == pb.CLOSING_REASON_SHUTDOWN
        assert closing.max_reconnect_delay.ToTimedelta() == timedelta(seconds=7)
        assert closing.reconnect
        # One that comes now is told at once.
        late = App(alice).open(stopping)
        assert (await late.next()).HasField("opened")
        assert (await _closing(late)).reason == pb.CLOSING_REASON_SHUTDOWN


async def test_a_stream_reaches_its_age(host_inbox: HostInbox, alice: str) -> None:
    environ = {"TIDINGS_INBOX_MAX_STREAM_AGE_SECONDS": "0.2"}
    async with host_inbox(environ=environ) as short_lived:
        app = App(alice).open(short_lived)
        await app.next()
        closing = await _closing(app)
    assert closing.reason == pb.CLOSING_REASON_MAX_AGE
    assert closing.reconnect


async def test_a_stream_ends_with_its_credential(inbox: Hosted, alice: str) -> None:
    expire_time = datetime.now(UTC) + timedelta(seconds=0.3)
    app = App(alice).open(inbox, metadata=recipient_token(TENANT, alice, expire_time=expire_time))
    opened = await app.next()
    assert opened.opened.auth_expire_time.ToDatetime(UTC) == expire_time
    closing = await _closing(app)
    assert closing.reason == pb.CLOSING_REASON_CREDENTIALS_EXPIRED
    assert closing.reconnect
    assert datetime.now(UTC) >= expire_time


async def test_a_newer_stream_of_the_device_supersedes(inbox: Hosted, alice: str) -> None:
    older = App(alice).open(inbox, device_id="phone")
    others = [App(alice).open(inbox, device_id=""), App(alice).open(inbox, device_id="laptop")]
    stranger = App(f"{alice}-2").open(inbox, device_id="phone")
    for app in (older, *others, stranger):
        await app.next()
    newer = App(alice).open(inbox, device_id="phone")
    await newer.next()
    closing = await _closing(older)
    assert closing.reason == pb.CLOSING_REASON_SUPERSEDED
    assert not closing.reconnect
    # All the others go on.
    (mine,) = await deliver(inbox, [delivery(alice)])
    for app in (newer, *others):
        await app.until_has([mine])
    (theirs,) = await deliver(inbox, [delivery(f"{alice}-2")])
    await stranger.until_has([theirs])
    for app in (newer, *others, stranger):
        app.close()


async def test_a_newer_stream_in_another_process_supersedes(
    inbox: Hosted, host_inbox: HostInbox, alice: str
) -> None:
    async with host_inbox() as elsewhere:
        older = App(alice).open(inbox, device_id="phone")
        await older.next()
        newer = App(alice).open(elsewhere, device_id="phone")
        await newer.next()
        assert (await _closing(older)).reason == pb.CLOSING_REASON_SUPERSEDED
        await deliver(inbox, [delivery(alice)])
        await newer.until(lambda: bool(newer.items))
        newer.close()


async def test_there_is_a_most_of_streams(host_inbox: HostInbox, alice: str) -> None:
    async with host_inbox(environ={"TIDINGS_INBOX_MAX_STREAMS": "1"}) as small:
        first = App(alice).open(small)
        await first.next()
        second = App(alice).open(small)
        assert second.call is not None
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await second.call.read()
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        first.close()


async def test_a_client_that_leaves_in_the_middle_of_a_write_is_no_error(
    host_inbox: HostInbox, alice: str, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {"TIDINGS_INBOX_MAX_STREAMS": "1", "TIDINGS_INBOX_MAX_WRITE_SECONDS": "0.2"}
    async with host_inbox(environ=environ) as small:
        options = [("grpc.http2.bdp_probe", 0)]
        async with grpc.aio.insecure_channel(small.public_address, options=options) as channel:
            await App(alice).open(small, channel=channel).next()
            await deliver(small, [delivery(alice, body="x" * 250_000) for _ in range(8)])
            # There is room as soon as the write has been blocked for a while.
            await admitted(App(alice), small)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
