"""`python -m tests.chaos.mutants NAME serve SERVICE...`: `tidings` with one rule broken.

The tree stays as it is: the rule is broken in this process only, before it serves.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

STOP_AT = "TIDINGS_CHAOS_STOP_AT"
"""Names a moment at which the process stops itself once, as if by SIGSTOP from outside."""

_REPLAN = """
WITH due AS (
    SELECT outbox_id FROM ingestion.outbox WHERE due_time <= now() LIMIT 100 FOR UPDATE SKIP LOCKED
)
DELETE FROM ingestion.outbox AS o USING due WHERE o.outbox_id = due.outbox_id RETURNING payload
"""
_PLANNABLE = """
UPDATE ingestion.notifications
SET state = 1, plan = NULL, claim_owner = NULL, claim_deadline = NULL, due_time = now()
WHERE notification_id = ANY($1::uuid[]) AND state = 2
"""


def forget_the_outbox() -> None:
    """Nothing that was not claimed is published again."""
    from services.ingestion.usecases.publish_deliveries import PublishDeliveries

    async def sweep(self: Any) -> None:
        return None

    _replace(PublishDeliveries, "sweep", sweep)


def plan_anew() -> None:
    """What was not claimed is planned again, instead of published as it was stored."""
    from services.ingestion.usecases.publish_deliveries import PublishDeliveries
    from tidings.event.v1.delivery_batch_pb2 import DeliveryBatch

    async def sweep(self: Any) -> None:
        pool = self._plans._pool
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_REPLAN)
            tasks = [t for row in rows for t in DeliveryBatch.FromString(row["payload"]).tasks]
            await connection.execute(_PLANNABLE, [UUID(bytes=t.notification_id) for t in tasks])

    _replace(PublishDeliveries, "sweep", sweep)


def resend_in_doubt() -> None:
    """What was being sent when its process died is sent again, whatever its category says."""
    from services.dispatch.domain.models import DeliveryState, Settlement

    recovery: Any = import_module("services.dispatch.usecases.recover_orphans")
    judge = recovery.settle_orphan

    def settle_orphan(*, state: DeliveryState, **rest: Any) -> Settlement:
        if state is DeliveryState.SENDING:
            return Settlement(state=DeliveryState.RETRY, delay=timedelta())
        settlement: Settlement = judge(state=state, **rest)
        return settlement

    _replace(recovery, "settle_orphan", settle_orphan)


def keep_facts_to_itself() -> None:
    """Events are finished without being published."""
    from libs.events import Event, EventOutbox

    async def publish(self: Any, event: Event) -> bool:
        await self._confirmed.submit(event.batch_id)
        return True

    _replace(EventOutbox, "_publish", publish)


def ignore_the_token() -> None:
    """Whoever once had a delivery in hand may begin and settle it."""
    from services.dispatch.store.ledger import _SQL

    fenced, unfenced = "USING (delivery_id, claim_token)", "USING (delivery_id)"
    for name in ("begin_sending", "settle"):
        assert fenced in _SQL[name], name
        _SQL[name] = _SQL[name].replace(fenced, unfenced)


def amend_without_a_word() -> None:
    """Dispatch is not told to stop what an amended revision had planned."""
    from services.ingestion.usecases.stop_deliveries import StopDeliveries

    async def sweep(self: Any) -> None:
        if plans := await self._store.take_due(limit=100):
            await self._close(plans, [[] for _ in plans])
            self._hand_over.left_in_table.set()

    _replace(StopDeliveries, "sweep", sweep)


def say_stopped() -> None:
    """A cancellation answers that all is stopped, without dispatch's word."""
    from services.ingestion.domain.delivery_ids import id_of_planned
    from services.ingestion.domain.models import Fate, StoppedDelivery
    from services.ingestion.usecases.cancel_notification import CancelNotification
    from services.ingestion.wire.plans import planned_deliveries

    async def cancel(self: Any, tenant_id: str, notification_id: UUID) -> Any:
        cancelled = await self._stopping.cancel(notification_id, tenant_id=tenant_id)
        return cancelled, [
            StoppedDelivery(
                delivery_id=id_of_planned(notification_id, cancelled.revision, planned),
                channel=planned.channel,
                fate=Fate.STOPPED,
            )
            for planned in planned_deliveries(cancelled.plan or b"")
        ]

    _replace(CancelNotification, "__call__", cancel)


def one_answer_for_all() -> None:
    """The first entry of a batch that is accepted has its answer given to all that are."""
    from services.ingestion.entrypoints.grpc import IngestionServicer

    answer_each = IngestionServicer.SendNotifications

    async def answer_all(self: Any, request: Any, context: Any) -> Any:
        response = await answer_each(self, request, context)
        accepted = [result for result in response.results if result.HasField("accepted")]
        for result in accepted[1:]:
            result.CopyFrom(accepted[0])
        return response

    _replace(IngestionServicer, "SendNotifications", answer_all)


def pass_over_a_change() -> None:
    """Reading several changes of a feed forgets the last of them, and goes on after it."""
    from services.inbox.store.feed import FeedReader

    read = FeedReader.changes

    async def changes(self: Any, wanted: Any) -> Any:
        page = await read(self, wanted)
        return replace(page, items=page.items[:-1]) if len(page.items) > 1 else page

    _replace(FeedReader, "changes", changes)


def hurry() -> None:
    """What is for later is planned at once."""
    from services.ingestion.usecases.accept_notifications import AcceptNotifications

    accept = AcceptNotifications._accept

    def accept_for_now(self: Any, *given: Any) -> Any:
        acceptance = accept(self, *given)
        return replace(acceptance, notification=replace(acceptance.notification, send_time=None))

    _replace(AcceptNotifications, "_accept", accept_for_now)


def change_nothing() -> None:
    """For the scenarios themselves: what is whole must pass them."""


MUTANTS: dict[str, Callable[[], None]] = {
    "none": change_nothing,
    "forget-the-outbox": forget_the_outbox,
    "plan-anew": plan_anew,
    "resend-in-doubt": resend_in_doubt,
    "keep-facts-to-itself": keep_facts_to_itself,
    "ignore-the-token": ignore_the_token,
    "amend-without-a-word": amend_without_a_word,
    "say-stopped": say_stopped,
    "one-answer-for-all": one_answer_for_all,
    "pass-over-a-change": pass_over_a_change,
    "hurry": hurry,
}


def _replace(owner: Any, name: str, value: Any) -> None:
    """Replaces what is there; a rule that has moved must not be left unbroken by accident."""
    assert hasattr(owner, name), f"{owner} has no {name}"
    setattr(owner, name, value)


def _stop_once_at(moment: str) -> None:
    sending: Any = import_module("services.dispatch.usecases.send_email")
    left = [moment]
    die = sending.failpoint

    def failpoint(name: str) -> None:
        if name in left:
            left.clear()
            os.kill(os.getpid(), signal.SIGSTOP)
        die(name)

    _replace(sending, "failpoint", failpoint)


def main() -> None:
    """Breaks the rule and goes on as `tidings`."""
    from cli.main import main as tidings

    MUTANTS[sys.argv.pop(1)]()
    if moment := os.environ.get(STOP_AT):
        _stop_once_at(moment)
    tidings()


if __name__ == "__main__":
    main()
