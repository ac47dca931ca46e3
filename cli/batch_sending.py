"""Sends a batch until each of its entries has an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from cli.errors import CommandError, Refused, from_status
from cli.retrying import Pauses, ask_again, may_pass
from cli.session import Session
from tidings.ingestion.v1.ingestion_service_pb2 import (
    SendNotificationRequest,
    SendNotificationResponse,
    SendNotificationsRequest,
    SendResult,
)
from tidings.ingestion.v1.ingestion_service_pb2_grpc import IngestionServiceStub

Answer = SendNotificationResponse | Refused

#: A batch takes longer than a call of one.
_TRY_SECONDS = 15.0


class BatchBroken(Exception):
    """A call failed as a whole; `answers` has what was answered before, else None."""

    def __init__(self, error: CommandError, answers: Sequence[Answer | None]) -> None:
        super().__init__(error.sentence)
        self.error = error
        self.answers = answers


async def send_batch(
    session: Session, requests: Sequence[SendNotificationRequest], *, within: float
) -> list[Answer]:
    """Returns the answers in order; repeats entries that may yet pass, for `within` seconds.

    Raises BatchBroken when the server refuses the call, or does not answer in that time.
    """
    stub = IngestionServiceStub(session.plain_channel)
    answers: list[Answer | None] = [None] * len(requests)
    waiting = list(range(len(requests)))
    deadline = time.monotonic() + within
    pauses = Pauses()
    while waiting:
        request = SendNotificationsRequest(entries=[requests[index] for index in waiting])
        try:
            response = await ask_again(
                session,
                stub.SendNotifications,
                request,
                within=deadline - time.monotonic(),
                each=_TRY_SECONDS,
            )
        except CommandError as error:
            raise BatchBroken(error, answers) from None
        passing = {}
        for index, result in zip(waiting, response.results, strict=True):
            answers[index] = answer = _answer(result)
            if isinstance(answer, Refused) and may_pass(answer):
                passing[index] = answer
        delay = pauses.after(*passing.values())
        if time.monotonic() + delay >= deadline:
            break
        waiting = list(passing)
        for index in waiting:
            answers[index] = None
        if waiting:
            await asyncio.sleep(delay)
    return [answer for answer in answers if answer is not None]


def _answer(result: SendResult) -> Answer:
    return result.accepted if result.HasField("accepted") else from_status(result.error)
