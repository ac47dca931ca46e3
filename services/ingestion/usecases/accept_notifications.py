"""Accepts notifications: checks them, commits them in groups, answers repeats with the first answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from libs.clock import Clock, mint_uuid7
from libs.errors import RequestIdReused, TidingsError
from libs.failpoints import failpoint
from services.ingestion.clients import Planner, TemplateCatalog
from services.ingestion.domain.acceptance import check_template, check_times
from services.ingestion.domain.credit import possible_mask
from services.ingestion.domain.errors import CategoryUnknown, RecipientUnknown
from services.ingestion.domain.models import (
    Acceptance,
    Accepted,
    Answer,
    CategoryDefaults,
    Notification,
    PastRequest,
    Submission,
    TemplateDescription,
)
from services.ingestion.store.notifications import NotificationStore, RequestKey
from services.ingestion.usecases import tell
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
        check_backlog: Callable[[str, int], None],
    ) -> None:
        self._store = store
        self._templates = templates
        self._planner = planner
        self._hand_over = hand_over
        self._clock = clock
        self._owner = owner
        self._expected_delay = expected_delay
        self._check_backlog = check_backlog

    async def __call__(self, batch: Sequence[Submission]) -> list[Answer | Exception]:
        """Returns an answer or an error per submission; what has an answer is committed."""
        with tell.accepting(batch):
            return await self._answer(batch)

    async def _answer(self, batch: Sequence[Submission]) -> list[Answer | Exception]:
        judged = await self._judge(batch)
        acceptable = [item for item in judged if isinstance(item, Acceptance)]
        new: dict[UUID, Accepted] = {}
        for part in _without_repeated_keys(acceptable):
            new |= await self._commit(part)
        settled = [_accepted(item, new) for item in judged]
        # A repeat is answered as the first time, even if what it names is gone since.
        repeats = [_key(s) for s, done in zip(batch, settled, strict=True) if done is None]
        past = await self._store.find_requests(repeats) if repeats else {}
        return [
            done or _answer_again(submission, past.get(_key(submission)), item)
            for submission, item, done in zip(batch, judged, settled, strict=True)
        ]

    async def _commit(self, acceptable: Sequence[Acceptance]) -> dict[UUID, Accepted]:
        taken = self._hand_over.reserve([item.notification for item in acceptable])
        owner = self._owner()
        new: dict[UUID, Accepted] = {}
        try:
            failpoint("ingestion.accepting")
            with tell.storing(acceptable) as stored:
                owners = [owner if take else None for take in taken]
                new = await self._store.accept(acceptable, owners)
            tell.accepted(acceptable, new, stored)
            failpoint("ingestion.accepted")
        finally:
            # What amended another notification is not there under its own id.
            self._hand_over.put(
                [item.notification for item, take in zip(acceptable, taken, strict=True) if take],
                committed={minted for minted, it in new.items() if minted == it.notification_id},
            )
        if not all(taken):
            self._hand_over.left_in_table.set()
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
        try:
            check_times(submission, category, now=self._clock.now())
            self._check_backlog(submission.tenant_id, submission.priority or category.priority)
        except TidingsError as error:
            return error
        return self._accept(submission, template, category)

    def _accept(
        self, submission: Submission, template: TemplateDescription, category: CategoryDefaults
    ) -> Acceptance:
        now = self._clock.now()
        later = submission.send_time is not None and submission.send_time > now
        begin = submission.send_time if later and submission.send_time else now
        wanted = submission.channels or category.channels
        return Acceptance(
            submission=submission,
            estimated_delivery_time=begin + self._expected_delay(),
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
                channel_mask=possible_mask(wanted, template.channels),
                guarantee=category.guarantee,
                traceparent=submission.traceparent,
                accept_time=now,
                send_time=begin if later else None,
                expire_time=begin + (submission.ttl or category.ttl),
                collapse_key=submission.collapse_key,
            ),
        )


def _key(submission: Submission) -> RequestKey:
    return submission.tenant_id, submission.request_id


def _without_repeated_keys(batch: Sequence[Acceptance]) -> Iterator[list[Acceptance]]:
    """Yields parts in which each collapse key stands at most once: one amends the other."""
    part: list[Acceptance] = []
    seen: set[tuple[str, str, str]] = set()
    for item in batch:
        notification = item.notification
        key = (notification.tenant_id, notification.recipient_id, notification.collapse_key)
        if notification.collapse_key and key in seen:
            yield part
            part, seen = [], set()
        part.append(item)
        seen.add(key)
    if part:
        yield part


def _accepted(item: Acceptance | TidingsError, new: Mapping[UUID, Accepted]) -> Answer | None:
    if not isinstance(item, Acceptance):
        return None
    accepted = new.get(item.notification.notification_id)
    if accepted is None:
        return None
    return Answer(
        notification_id=accepted.notification_id,
        revision=accepted.revision,
        state=item.notification.initial_state,
        estimated_delivery_time=item.estimated_delivery_time,
        replayed=False,
    )


def _answer_again(
    submission: Submission, past: PastRequest | None, item: Acceptance | TidingsError
) -> Answer | Exception:
    if past is not None and past.payload_hash == submission.payload_hash:
        return Answer(
            notification_id=past.notification_id,
            revision=past.revision,
            state=past.state,
            estimated_delivery_time=past.estimated_delivery_time,
            replayed=True,
        )
    if past is None and isinstance(item, TidingsError):
        return item
    # Another payload; or its first answer was forgotten between the two statements.
    return RequestIdReused(submission.request_id)
