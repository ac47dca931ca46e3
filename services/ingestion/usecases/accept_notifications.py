"""Accepts notifications: checks them, commits them in groups, answers repeats with the first answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from libs.clock import Clock, mint_uuid7
from libs.errors import TidingsError
from libs.failpoints import failpoint
from services.ingestion.clients import Planner, TemplateCatalog
from services.ingestion.domain.acceptance import check_template
from services.ingestion.domain.credit import channel_mask
from services.ingestion.domain.errors import CategoryUnknown, RecipientUnknown, RequestIdReused
from services.ingestion.domain.models import (
    Acceptance,
    Answer,
    CategoryDefaults,
    Notification,
    PastRequest,
    Submission,
    TemplateDescription,
)
from services.ingestion.store import NotificationStore, RequestKey
from services.ingestion.usecases.hand_over import HandOver

_log = logging.getLogger(__name__)


class AcceptNotifications:
    """The flush behind `SendNotification`: one call for as many submissions as wait."""

    def __init__(
        self,
        *,
        store: NotificationStore,
        templates: TemplateCatalog,
        planner: Planner,
        hand_over: HandOver,
        clock: Clock,
        owner: Callable[[], UUID],
        expected_delay: Callable[[], timedelta],
    ) -> None:
        self._store = store
        self._templates = templates
        self._planner = planner
        self._hand_over = hand_over
        self._clock = clock
        self._owner = owner
        self._expected_delay = expected_delay

    async def __call__(self, batch: Sequence[Submission]) -> list[Answer | Exception]:
        """Returns an answer or an error per submission; what has an answer is committed."""
        judged = await self._judge(batch)
        accepted = [item for item in judged if isinstance(item, Acceptance)]
        new = await self._commit(accepted)
        settled = {i for i, item in enumerate(judged) if _id_of(item) in new}
        # A repeat is answered as the first time, even if what it names is gone since.
        repeats = [_key(batch[i]) for i in range(len(batch)) if i not in settled]
        past = await self._store.find_requests(repeats) if repeats else {}
        return [
            _answer(item, past.get(_key(submission)), submission, is_new=i in settled)
            for i, (submission, item) in enumerate(zip(batch, judged, strict=True))
        ]

    async def _commit(self, accepted: Sequence[Acceptance]) -> set[UUID]:
        if not accepted:
            return set()
        taken = self._hand_over.reserve([item.notification for item in accepted])
        owner = self._owner()
        new: set[UUID] = set()
        try:
            failpoint("ingestion.accepting")
            new = await self._store.accept(accepted, [owner if take else None for take in taken])
            failpoint("ingestion.accepted")
        finally:
            self._hand_over.put(
                [item.notification for item, take in zip(accepted, taken, strict=True) if take],
                committed=new,
            )
        return new

    async def _judge(self, batch: Sequence[Submission]) -> list[Acceptance | TidingsError]:
        keys = [(s.tenant_id, s.template_name, s.template_version) for s in batch]
        try:
            templates = await self._templates.describe(keys)
            checks = await self._planner.check(batch)
        except TidingsError as error:
            return [error] * len(batch)
        return [
            self._judge_one(submission, templates[key], recipient_known, category)
            for submission, key, (recipient_known, category) in zip(
                batch, keys, checks, strict=True
            )
        ]

    def _judge_one(
        self,
        submission: Submission,
        template: TemplateDescription,
        recipient_known: bool,
        category: CategoryDefaults | None,
    ) -> Acceptance | TidingsError:
        try:
            check_template(submission, template)
        except TidingsError as error:
            return error
        if category is None:
            return CategoryUnknown(submission.category)
        if not recipient_known:
            return RecipientUnknown(submission.recipient_id)
        return self._accept(submission, template, category)

    def _accept(
        self, submission: Submission, template: TemplateDescription, category: CategoryDefaults
    ) -> Acceptance:
        now = self._clock.now()
        return Acceptance(
            submission=submission,
            estimated_delivery_time=now + self._expected_delay(),
            notification=Notification(
                notification_id=mint_uuid7(now),
                tenant_id=submission.tenant_id,
                revision=1,
                recipient_id=submission.recipient_id,
                category=submission.category,
                template_name=submission.template_name,
                template_version=template.version,
                content_channels=template.channels,
                variables=submission.variables,
                requested_channels=submission.channels,
                priority=submission.priority or category.priority,
                channel_mask=channel_mask(
                    [c for c in submission.channels or category.channels if c in template.channels]
                ),
                guarantee=category.guarantee,
                traceparent=submission.traceparent,
                accept_time=now,
                expire_time=now + category.ttl,
            ),
        )


def _key(submission: Submission) -> RequestKey:
    return submission.tenant_id, submission.request_id


def _id_of(item: Acceptance | TidingsError) -> UUID | None:
    return item.notification.notification_id if isinstance(item, Acceptance) else None


def _answer(
    item: Acceptance | TidingsError,
    past: PastRequest | None,
    submission: Submission,
    *,
    is_new: bool,
) -> Answer | Exception:
    if is_new and isinstance(item, Acceptance):
        return Answer(
            notification_id=item.notification.notification_id,
            estimated_delivery_time=item.estimated_delivery_time,
            replayed=False,
        )
    if past is not None and past.payload_hash == submission.payload_hash:
        return Answer(
            notification_id=past.notification_id,
            estimated_delivery_time=past.estimated_delivery_time,
            replayed=True,
        )
    if past is not None:
        return RequestIdReused(submission.request_id)
    if isinstance(item, TidingsError):
        return item
    # Neither new nor known: its first answer was forgotten between the two statements.
    return RequestIdReused(submission.request_id)
