from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from libs.errors import InvalidPageToken
from services.inbox.domain.errors import CursorInvalid
from services.inbox.domain.frames import (
    Change,
    Changes,
    Closing,
    ClosingReason,
    Heartbeat,
    Opened,
    Resync,
    SnapshotPart,
)
from services.inbox.domain.hints import Hint
from services.inbox.domain.listing import BEYOND_ALL, PageRequest
from services.inbox.domain.models import Counts, InboxKey, Item
from services.inbox.domain.positions import Position, ResyncReason
from services.inbox.domain.starts import After, FromSnapshot, Live, Start
from services.inbox.wire.cursor import cursor_from_proto, cursor_to_proto
from services.inbox.wire.hints import hint_from_payload, hint_to_payload
from services.inbox.wire.items import item_to_proto, page_from_proto, page_token_to_proto
from services.inbox.wire.streams import frame_to_proto, subscription_from_proto
from tidings.inbox.v1 import inbox_stream_service_pb2 as pb
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.template.v1.content_pb2 import InAppContent

ALICE, BOB = InboxKey("acme", "alice"), InboxKey("acme", "bob")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POSITION = Position(epoch=2**52, sequence=2**62)
ITEM = Item(
    item_id=uuid4(),
    category="a.b",
    content=InAppContent(
        title="title", body="body", action_url="https://example.com"
    ).SerializeToString(),
    sequence=9,
    created_sequence=4,
    create_time=NOW,
    read_time=None,
    streamed=False,
)


@pytest.mark.parametrize("sequence", [0, 1, 2**62])
def test_a_cursor_goes_round(sequence: int) -> None:
    position = Position(epoch=2**52, sequence=sequence)
    cursor = cursor_to_proto(ALICE, position)
    assert cursor_from_proto(ALICE, cursor) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert len(cursor) <= 256


@pytest.mark.parametrize("key", [BOB, InboxKey("other", "alice"), InboxKey("acm", "ealice")])
def test_a_cursor_is_for_its_own_inbox(key: InboxKey) -> None:
    with pytest.raises(CursorInvalid):
        cursor_from_proto(key, cursor_to_proto(ALICE, POSITION))


def test_no_part_of_a_cursor_can_be_changed() -> None:
    cursor = cursor_to_proto(ALICE, POSITION)
    spoiled = [
        cursor[:index] + ("A" if cursor[index] != "A" else "B") + cursor[index + 1 :]
        for index in range(len(cursor))
    ]
    for text in (*spoiled, "", "x", "=", cursor[:-1], cursor + "A", cursor + "=", "\u2603"):
        with pytest.raises(CursorInvalid):
            cursor_from_proto(ALICE, text)


def test_a_page_token_is_for_its_own_list() -> None:
    wanted = PageRequest(size=5, before=BEYOND_ALL, unread_only=True)
    token = page_token_to_proto(ALICE, wanted, 17)
    request = ListInboxItemsRequest(page_size=3, page_token=token, unread_only=True)
    assert page_from_proto(ALICE, request) == PageRequest(size=3, before=17, unread_only=True)
    assert page_token_to_proto(ALICE, wanted, None) == ""
    all_items = ListInboxItemsRequest(page_token=token)
    a_cursor = ListInboxItemsRequest(page_token=cursor_to_proto(ALICE, POSITION), unread_only=True)
    for key, wrong in ((BOB, request), (ALICE, all_items), (ALICE, a_cursor)):
        with pytest.raises(InvalidPageToken):
            page_from_proto(key, wrong)


def test_a_hint_goes_round() -> None:
    hint = Hint(
        moved={ALICE: Position(epoch=1, sequence=2), BOB: POSITION},
        opened={(ALICE, 'a "device"'): "0198"},
    )
    assert hint_from_payload(hint_to_payload(hint).encode()) == hint


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"v":2,"moved":[],"opened":[]}',
        b'{"v":1,"moved":[["a"]],"opened":[]}',
        b'{"v":1,"moved":[["a","b","c","d"]],"opened":[]}',
    ],
)
def test_what_is_no_hint_is_none(payload: bytes) -> None:
    assert hint_from_payload(payload) is None


def test_an_item_is_opened_on_the_wire_only() -> None:
    message = item_to_proto(ITEM)
    assert (message.title, message.body) == ("title", "body")
    assert message.action_url == "https://example.com"
    assert message.sequence == 9
    assert message.create_time.ToDatetime(UTC) == NOW
    assert not message.HasField("read_time")


@pytest.mark.parametrize(
    ("request_", "start"),
    [
        (pb.SubscribeRequest(), Live()),
        (pb.SubscribeRequest(live=pb.StartLive()), Live()),
        (pb.SubscribeRequest(snapshot=pb.StartSnapshot()), FromSnapshot(most_items=100)),
        (
            pb.SubscribeRequest(snapshot=pb.StartSnapshot(max_items=7)),
            FromSnapshot(most_items=7),
        ),
        (
            pb.SubscribeRequest(after_cursor=cursor_to_proto(ALICE, POSITION)),
            After(position=POSITION),
        ),
    ],
)
def test_where_a_stream_begins(request_: pb.SubscribeRequest, start: Start) -> None:
    assert subscription_from_proto(ALICE, request_, None).start == start


def test_only_what_completes_carries_a_cursor() -> None:
    counts = Counts(unread=1, total=2)
    part = SnapshotPart(items=(ITEM,), position=None, counts=None)
    last = SnapshotPart(items=(), position=POSITION, counts=counts)
    change = Change(item=ITEM, added=False)
    some = Changes(changes=(change,), position=None, counts=None)
    rest = Changes(changes=(Change(item=ITEM, added=True),), position=POSITION, counts=counts)
    for frame, kind, complete in (
        (part, "snapshot", False),
        (last, "snapshot", True),
        (some, "changes", False),
        (rest, "changes", True),
    ):
        message = frame_to_proto(ALICE, frame)
        assert message.WhichOneof("frame") == kind
        assert message.cursor == (cursor_to_proto(ALICE, POSITION) if complete else "")
        assert getattr(message, kind).HasField("counts") is complete
    assert not frame_to_proto(ALICE, part).snapshot.complete
    assert frame_to_proto(ALICE, last).snapshot.complete
    types = [frame_to_proto(ALICE, frame).changes.changes[0].type for frame in (some, rest)]
    assert types == [pb.INBOX_CHANGE_TYPE_UPDATED, pb.INBOX_CHANGE_TYPE_ADDED]


def test_the_first_frame() -> None:
    opened = Opened(
        stream_id="s",
        heartbeat_interval=timedelta(seconds=9),
        auth_expire_time=NOW,
        resumed=True,
        counts=Counts(unread=1, total=2),
        position=None,
    )
    message = frame_to_proto(ALICE, opened)
    assert message.cursor == ""
    assert message.opened.heartbeat_interval.ToTimedelta() == timedelta(seconds=9)
    assert message.opened.auth_expire_time.ToDatetime(UTC) == NOW
    assert message.opened.resumed


def test_a_heartbeat() -> None:
    message = frame_to_proto(ALICE, Heartbeat(server_time=NOW, position=POSITION))
    assert cursor_from_proto(ALICE, message.cursor) == POSITION
    assert message.heartbeat.server_time.ToDatetime(UTC) == NOW


@pytest.mark.parametrize("reason", ClosingReason)
def test_every_closing_reason_can_be_said(reason: ClosingReason) -> None:
    closing = Closing(reason=reason, max_reconnect_delay=timedelta(seconds=2), reconnect=True)
    message = frame_to_proto(ALICE, closing).closing
    assert pb.ClosingReason.Name(message.reason) == f"CLOSING_REASON_{reason.name}"
    assert message.max_reconnect_delay.ToTimedelta() == timedelta(seconds=2)


@pytest.mark.parametrize("reason", ResyncReason)
def test_every_resync_reason_can_be_said(reason: ResyncReason) -> None:
    message = frame_to_proto(ALICE, Resync(reason=reason)).resync_required
    assert pb.ResyncReason.Name(message.reason) == f"RESYNC_REASON_{reason.name}"


@pytest.mark.parametrize(
    ("contract", "known"),
    [(pb.ClosingReason, ClosingReason), (pb.ResyncReason, ResyncReason)],
)
def test_no_reason_of_the_contract_is_forgotten(
    contract: EnumTypeWrapper, known: type[ClosingReason | ResyncReason]
) -> None:
    assert len(contract.values()) == len(known) + 1


def test_cursors_are_no_plain_numbers() -> None:
    cursor = cursor_to_proto(ALICE, Position(epoch=1, sequence=2))
    assert len(base64.urlsafe_b64decode(cursor + "==")) == 8 + 8 + 8
