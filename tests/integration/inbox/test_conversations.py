"""Streams whose feed changes at the worst moment: between two of their reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.clock import SystemClock
from libs.postgres.pool import open_pool
from services.inbox.domain import frames
from services.inbox.domain.limits import StreamLimits
from services.inbox.domain.models import Delivery, InboxKey, Item
from services.inbox.domain.starts import After, FromSnapshot, Live, Start, Subscription
from services.inbox.store.deliveries import DeliveryStore
from services.inbox.store.feed import ChangesWanted, FeedPage, FeedReader, NewestWanted
from services.inbox.store.hints import HintChannel
from services.inbox.store.items import ItemStore
from services.inbox.usecases.follow_inbox import FollowInbox
from services.inbox.usecases.hub import Hub
from services.inbox.usecases.record_stream_writes import StreamWriteRecorder
from services.inbox.usecases.send_hints import HintSender
from tests.integration.hosting import Hosted
from tests.integration.inbox.clients import PATIENCE_S, TENANT, open_events

Meddling = Callable[[], Awaitable[None]]
_LIMITS = StreamLimits(
    most_streams=10,
    shortest_heartbeat=timedelta(minutes=1),
    longest_heartbeat=timedelta(minutes=2),
    longest_age=timedelta(minutes=5),
    longest_write=timedelta(minutes=1),
    reconnect_delay=timedelta(),
)


class MeddledReader(FeedReader):
    """Has something happen right after each of the first reads."""

    meddlings: list[Meddling | None]

    async def changes(self, wanted: ChangesWanted) -> FeedPage:
        return await self._then_meddle(await super().changes(wanted))

    async def newest(self, wanted: NewestWanted) -> FeedPage:
        return await self._then_meddle(await super().newest(wanted))

    async def _then_meddle(self, page: FeedPage) -> FeedPage:
        if self.meddlings and (meddle := self.meddlings.pop(0)):
            await meddle()
        return page


@dataclass
class Stage:
    """An inbox and a stream of it, without a network."""

    key: InboxKey
    deliveries: DeliveryStore
    items: ItemStore
    reader: MeddledReader
    hub: Hub
    follow: FollowInbox
    sent: list[frames.Frame] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, count: int) -> list[UUID]:
        """Delivers items, and hints at them as Redis would."""
        names = [uuid4() for _ in range(count)]
        batch = [
            Delivery(
                key=self.key, item_id=name, revision=1, category="a", content=b"", traceparent=""
            )
            for name in names
        ]
        self.hub.wake(await self.deliveries.deliver(batch))
        return names

    async def mark_read(self, names: list[UUID]) -> None:
        """Marks items, and hints at them as Redis would."""
        marked = await self.items.mark_read(self.key, names)
        self.hub.wake({self.key: marked.moved})

    @asynccontextmanager
    async def streaming(
        self, start: Start, *, meddlings: list[Meddling | None] | None = None
    ) -> AsyncIterator[None]:
        """Holds a stream open."""
        self.reader.meddlings = meddlings or []
        subscription = Subscription(
            key=self.key,
            device_id="",
            start=start,
            heartbeat_interval=None,
            auth_expire_time=None,
        )

        async def send(frame: frames.Frame) -> None:
            self.sent.append(frame)
            self.news.set()

        task = asyncio.create_task(self.follow(subscription, send))
        yield
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert self.hub.count == 0

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not enough():
                self.news.clear()
                await self.news.wait()

    def states(self) -> dict[UUID, Item]:
        """Returns what a client would have by now."""
        state: dict[UUID, Item] = {}
        for frame in self.sent:
            items: tuple[Item, ...] = ()
            if isinstance(frame, frames.Resync):
                state.clear()
            elif isinstance(frame, frames.Changes):
                items = tuple(change.item for change in frame.changes)
            elif isinstance(frame, frames.SnapshotPart):
                items = frame.items
            for item in items:
                if item.item_id not in state or state[item.item_id].sequence < item.sequence:
                    state[item.item_id] = item
        return state


@pytest.fixture
async def stage(database_url: str, inbox: Hosted, alice: str) -> AsyncIterator[Stage]:
    async with (
        open_pool(database_url, application="test") as pool,
        MeddledReader(pool, most_waiting=10) as reader,
        open_events(pool) as events,
    ):
        deliveries = DeliveryStore(pool)
        hub = Hub(most_streams=10)
        follow = FollowInbox(
            hub=hub,
            reader=reader,
            # Never flushed: no stream here has a device.
            hints=HintSender(HintChannel(None)),  # type: ignore[arg-type]
            recorder=StreamWriteRecorder(deliveries, SystemClock()),
            limits=_LIMITS,
            clock=SystemClock(),
        )
        yield Stage(
            key=InboxKey(TENANT, alice),
            deliveries=deliveries,
            items=ItemStore(pool, events),
            reader=reader,
            hub=hub,
            follow=follow,
        )


async def test_a_change_between_the_first_read_and_the_first_frame_is_not_lost(
    stage: Stage,
) -> None:
    new: list[UUID] = []

    async def meddle() -> None:
        new.extend(await stage.deliver(1))

    async with stage.streaming(Live(), meddlings=[meddle]):
        await stage.until(lambda: set(stage.states()) == set(new) != set())


async def test_an_item_that_leaves_a_change_set_comes_with_the_next(stage: Stage) -> None:
    async with stage.streaming(Live()):
        await stage.until(lambda: bool(stage.sent))
    opened = stage.sent.pop()
    assert isinstance(opened, frames.Opened)
    assert opened.position is not None
    names = await stage.deliver(150)

    async def meddle() -> None:
        await stage.mark_read([names[120]])

    async with stage.streaming(After(position=opened.position), meddlings=[meddle]):
        await stage.until(lambda: len(stage.states()) == 150)
    changes = [frame for frame in stage.sent if isinstance(frame, frames.Changes)]
    assert [len(frame.changes) for frame in changes] == [100, 49, 1]
    assert [frame.position and frame.position.sequence for frame in changes] == [None, 150, 151]
    # Never seen before, and yet UPDATED: the client inserts it.
    assert [change.added for change in changes[2].changes] == [False]
    assert all(change.added for frame in changes[:2] for change in frame.changes)
    assert stage.states()[names[120]].read_time is not None


async def test_a_snapshot_in_parts_misses_nothing_that_changes_meanwhile(stage: Stage) -> None:
    names = await stage.deliver(150)
    new: list[UUID] = []

    async def meddle() -> None:
        # One that was sent, one that was not, and one that is new.
        await stage.mark_read([names[140], names[10]])
        new.extend(await stage.deliver(1))

    async with stage.streaming(FromSnapshot(most_items=1000), meddlings=[None, meddle]):
        await stage.until(lambda: len(stage.states()) == 151)
        await stage.until(lambda: isinstance(stage.sent[-1], frames.Changes))
    parts = [frame for frame in stage.sent if isinstance(frame, frames.SnapshotPart)]
    assert [item.item_id for part in parts for item in part.items] == names[::-1]
    assert parts[-1].position is not None
    assert parts[-1].position.sequence == 150
    final = stage.sent[-1]
    assert isinstance(final, frames.Changes)
    assert [(change.item.item_id, change.added) for change in final.changes] == [
        (names[10], False),
        (names[140], False),
        (new[0], True),
    ]
    states = stage.states()
    assert states[names[10]].read_time
    assert states[names[140]].read_time


async def test_a_history_that_ends_in_the_middle_of_a_change_set_means_a_snapshot(
    stage: Stage, database: asyncpg.Connection, alice: str
) -> None:
    async with stage.streaming(Live()):
        await stage.until(lambda: bool(stage.sent))
    opened = stage.sent.pop()
    assert isinstance(opened, frames.Opened)
    assert opened.position is not None
    await stage.deliver(150)
    new: list[UUID] = []

    async def meddle() -> None:
        await database.execute("DELETE FROM inbox.items WHERE recipient_id = $1", alice)
        await database.execute("DELETE FROM inbox.heads WHERE recipient_id = $1", alice)
        new.extend(await stage.deliver(120))

    async with stage.streaming(After(position=opened.position), meddlings=[meddle]):
        await stage.until(lambda: any(isinstance(f, frames.Resync) for f in stage.sent))
        await stage.until(lambda: len(stage.states()) == 100)
    assert set(stage.states()) == set(new[20:])
    assert not any(isinstance(f, frames.Changes) and f.position for f in stage.sent)
