"""What an SRE sees of notifications: spans as a real receiver gets them from a real server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from libs.telemetry import names
from tests.e2e.telemetry.conftest import RECIPIENTS, exporting
from tests.support.api import Api, send_request
from tests.support.eventually import eventually
from tests.support.otlp import Receiver, Span
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.inbox.v1.inbox_service_pb2 import MarkReadRequest
from tidings.inbox.v1.inbox_stream_service_pb2 import StartLive, SubscribeRequest
from tidings.ingestion.v1.ingestion_service_pb2 import SendNotificationsRequest

STAGES = (names.ACCEPTED, names.PLANNED, names.CLAIMED, names.ATTEMPT, names.STREAM_WRITE)


def traceparent(*, sampled: bool) -> str:
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-{'01' if sampled else '00'}"


def call_key(context: str) -> tuple[str, str]:
    return context[3:35], context[36:52]


@asynccontextmanager
async def streams(api: Api, recipients: Iterable[str]) -> AsyncIterator[list[str]]:
    """Holds a stream of each recipient open; gives the ids of the items that come down."""
    arrived: list[str] = []

    async def follow(recipient: str, opened: asyncio.Event) -> None:
        request = SubscribeRequest(recipient_id=recipient, live=StartLive())
        async for frame in api.stream.Subscribe(request, metadata=api.metadata):
            opened.set()
            arrived.extend(change.item.item_id for change in frame.changes.changes)

    async with asyncio.TaskGroup() as group:
        tasks = []
        for recipient in recipients:
            opened = asyncio.Event()
            tasks.append(group.create_task(follow(recipient, opened)))
            await opened.wait()
        yield arrived
        for task in tasks:
            task.cancel()


async def stages_of(
    receiver: Receiver, notification_ids: Sequence[str], stages: Sequence[str] = STAGES
) -> dict[str, dict[str, Span]]:
    """Waits for the stages of notifications; returns them by notification and name."""

    async def probe() -> dict[str, dict[str, Span]] | None:
        found: dict[str, dict[str, Span]] = {i: {} for i in notification_ids}
        for span in receiver.spans:
            notification_id = span.attributes.get(names.NOTIFICATION_ID)
            if span.name in stages and notification_id in found:
                found[str(notification_id)][span.name] = span
        complete = all(len(spans) == len(stages) for spans in found.values())
        return found if complete else None

    return await eventually(probe, within=60)


def linked(receiver: Receiver, spans: Iterable[Span]) -> list[Span]:
    by_key = {span.key: span for span in receiver.spans}
    return [by_key[key] for span in spans for key in span.links if key in by_key]


async def test_a_single_call_is_one_trace_from_the_caller_to_the_stream(
    served: tuple[Receiver, Api],
) -> None:
    receiver, api = served
    context = traceparent(sampled=True)
    async with streams(api, ["alice"]) as arrived:
        answer = await api.ingestion.SendNotification(
            send_request(channels=[CHANNEL_IN_APP]),
            metadata=(*api.metadata, ("traceparent", context)),
        )
        stages = (await stages_of(receiver, [answer.notification_id]))[answer.notification_id]
        assert arrived == [answer.notification_id]
    trace, call = call_key(context)
    accepted = stages[names.ACCEPTED]
    assert {span.trace_id for span in stages.values()} == {trace}
    assert accepted.parent_id == call
    later = [stages[name] for name in STAGES[1:]]
    assert {span.parent_id for span in later} == {accepted.span_id}
    begun = [stages[name].begun for name in STAGES]
    assert begun == sorted(begun)
    assert {span.service for span in receiver.of_trace(trace)} >= {
        "tidings.ingestion",
        "tidings.dispatch",
        "tidings.inbox",
        "tidings.preference",
        "tidings.template",
    }
    # Alone, the notification is the batch: what was done for it is in its trace, and whole.
    ids = {span.span_id for span in receiver.of_trace(trace)} | {call}
    assert {span.parent_id for span in receiver.of_trace(trace)} <= ids
    notification = await api.get(answer.notification_id)
    assert notification.trace_id == trace


async def test_each_of_a_hundred_has_a_trace_of_its_own_that_links_to_call_and_batches(
    served: tuple[Receiver, Api],
) -> None:
    receiver, api = served
    context = traceparent(sampled=True)
    entries = [send_request(r, channels=[CHANNEL_EMAIL, CHANNEL_IN_APP]) for r in RECIPIENTS]
    async with streams(api, RECIPIENTS):
        response = await api.ingestion.SendNotifications(
            SendNotificationsRequest(entries=entries),
            metadata=(*api.metadata, ("traceparent", context)),
        )
        ids = [result.accepted.notification_id for result in response.results]
        stages = await stages_of(receiver, ids)
    traces = {i: {span.trace_id for span in spans.values()} for i, spans in stages.items()}
    assert all(len(trace) == 1 for trace in traces.values())
    assert len(set.union(*traces.values())) == 100
    assert call_key(context)[0] not in set.union(*traces.values())
    for spans in stages.values():
        accepted = spans[names.ACCEPTED]
        assert accepted.parent_id == ""
        assert accepted.links[0] == call_key(context)
        assert {spans[name].parent_id for name in STAGES[1:]} == {accepted.span_id}
        batches = linked(receiver, spans.values())
        assert {batch.attributes.get(names.DB_SUMMARY) for batch in batches} >= {
            names.STORE_NOTIFICATIONS,
            names.STORE_PLANS,
            names.STORE_CLAIMS,
        }
        operations = {batch.attributes.get(names.MESSAGING_OPERATION_TYPE) for batch in batches}
        assert operations >= {"send", "receive"}
    some = next(iter(stages))
    assert (await api.get(some)).trace_id in traces[some]
    # Batches are batches: far fewer spans of them than notifications.
    assert len(receiver.named(names.STORE_NOTIFICATIONS)) < 20


async def test_what_the_caller_does_not_sample_makes_no_span(served: tuple[Receiver, Api]) -> None:
    receiver, api = served
    unsampled = traceparent(sampled=False)
    metadata = (*api.metadata, ("traceparent", unsampled))
    async with streams(api, ["r1"]) as arrived:
        before = len(receiver.spans)
        one = await api.ingestion.SendNotification(send_request("r1"), metadata=metadata)
        response = await api.ingestion.SendNotifications(
            SendNotificationsRequest(entries=[send_request("r1") for _ in range(10)]),
            metadata=metadata,
        )
        ids = {one.notification_id, *(r.accepted.notification_id for r in response.results)}

        async def all_arrived() -> bool:
            return set(arrived) >= ids

        await eventually(all_arrived)
        # Spans leave in order: when a later one is here, there was none before it.
        mark = await api.ingestion.SendNotification(
            send_request("r1", channels=[CHANNEL_IN_APP]),
            metadata=(*api.metadata, ("traceparent", traceparent(sampled=True))),
        )
        await stages_of(receiver, [mark.notification_id])
    fresh = receiver.spans[before:]
    assert not {span.attributes.get(names.NOTIFICATION_ID) for span in fresh} & ids
    assert call_key(unsampled)[0] not in {span.trace_id for span in fresh}
    assert (await api.get(one.notification_id)).trace_id == call_key(unsampled)[0]


async def test_reading_an_item_is_part_of_its_trace(served: tuple[Receiver, Api]) -> None:
    receiver, api = served
    answer = await api.ingestion.SendNotification(
        send_request("r2", channels=[CHANNEL_IN_APP]),
        metadata=(*api.metadata, ("traceparent", traceparent(sampled=True))),
    )
    stages = await stages_of(receiver, [answer.notification_id], (names.ACCEPTED, names.ATTEMPT))
    accepted = stages[answer.notification_id][names.ACCEPTED]
    acknowledging = traceparent(sampled=True)
    request = MarkReadRequest(recipient_id="r2", item_ids=[answer.notification_id])
    for _ in range(2):
        await api.inbox.MarkRead(request, metadata=(*api.metadata, ("traceparent", acknowledging)))
    marking = "tidings.inbox.v1.InboxService/MarkRead"

    async def both_told() -> bool:
        # A call's span is written after what was done in it.
        return len(receiver.named(marking)) == 2

    await eventually(both_told, within=60)
    read = await stages_of(receiver, [answer.notification_id], (names.READ,))
    span = read[answer.notification_id][names.READ]
    assert (span.trace_id, span.parent_id) == accepted.key
    calls = [s for s in linked(receiver, [span]) if s.name == marking]
    assert [call.trace_id for call in calls] == [call_key(acknowledging)[0]]
    assert len(receiver.named(names.READ)) == 1


async def test_without_a_callers_word_a_share_is_traced(tmp_path: Path) -> None:
    async with exporting(tmp_path, TIDINGS_TRACE_SAMPLE_RATIO="0.5") as (receiver, server, api):
        response = await api.ingestion.SendNotifications(
            SendNotificationsRequest(entries=[send_request() for _ in range(200)]),
            metadata=api.metadata,
        )
        ids = {result.accepted.notification_id for result in response.results}
        alone = {(await api.send()).notification_id for _ in range(40)}
        assert await server.stop() == 0
    traced = {span.attributes[names.NOTIFICATION_ID] for span in receiver.named(names.ACCEPTED)}
    # Six standard deviations on either side.
    assert 57 < len(traced & ids) < 143
    assert 1 <= len(traced & alone) < 40
    for name in (names.PLANNED, names.CLAIMED, names.ATTEMPT, names.STREAM_WRITE):
        assert {span.attributes[names.NOTIFICATION_ID] for span in receiver.named(name)} <= traced


@pytest.mark.parametrize("ratio", ["1.5", "-1", "x"])
async def test_a_wrong_ratio_keeps_the_server_from_starting(tmp_path: Path, ratio: str) -> None:
    from cli.serve import ServeOptions, open_cluster
    from libs.config import SettingError

    environ = {"TIDINGS_TRACE_SAMPLE_RATIO": ratio}
    options = ServeOptions(data_directory=tmp_path, listen="127.0.0.1:0", environ=environ)
    with pytest.raises(SettingError, match="TIDINGS_TRACE_SAMPLE_RATIO"):
        async with open_cluster(options):
            pass
