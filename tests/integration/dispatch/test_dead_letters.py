"""Dead letters, listed from a real table."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import Mock
from uuid import UUID

import grpc
import pytest

from libs.errors import InvalidPageToken
from libs.identity.caller import Caller, set_caller
from libs.paging import page_token_to_proto
from libs.postgres.migrations import migrate
from libs.postgres.pool import open_pool
from libs.postgres.transaction import in_transaction
from services.dispatch.domain.models import EMAIL, WEBHOOK, DeadLetter, DeadLetterReason
from services.dispatch.entrypoints.grpc import DeadLetterServicer
from services.dispatch.store import dead_letters
from services.dispatch.store.dead_letters import DeadLetterStore
from tidings.common.v1.channel_pb2 import Channel
from tidings.dispatch.v1.dead_letter_service_pb2 import DeadLetterReason as MessageReason
from tidings.dispatch.v1.dead_letter_service_pb2 import ListDeadLettersRequest

NO_CONTEXT = Mock(spec=grpc.aio.ServicerContext)


def letter(number: int, tenant_id: str) -> DeadLetter:
    return DeadLetter(
        dead_letter_id=UUID(int=number),
        tenant_id=tenant_id,
        reason=DeadLetterReason.UNREADABLE,
        detail="",
        body=b"",
    )


async def test_pages_show_a_tenants_dead_letters_once_newest_first(database_url: str) -> None:
    letters = [letter(number, "stranger" if number == 3 else "demo") for number in range(1, 7)]
    listed: list[int] = []
    token = ""
    set_caller(Caller(tenant_id="demo", subject="key", scopes=frozenset()))
    async with open_pool(database_url, application="test") as pool:
        await migrate(pool, package="services.dispatch", schema="dispatch")
        store = DeadLetterStore(pool)
        await in_transaction(pool, lambda connection: store.add(connection, letters))
        servicer = DeadLetterServicer(store=store)
        for _ in range(3):
            request = ListDeadLettersRequest(page_size=2, page_token=token)
            page = await servicer.ListDeadLetters(request, NO_CONTEXT)
            listed += [UUID(found.dead_letter_id).int for found in page.dead_letters]
            token = page.next_page_token
        forged = page_token_to_proto("dead_letters", "demo", "no-uuid")
        with pytest.raises(InvalidPageToken):
            await servicer.ListDeadLetters(ListDeadLettersRequest(page_token=forged), NO_CONTEXT)
    assert (listed, token) == ([6, 5, 4, 2, 1], "")


@pytest.mark.parametrize("scan", [dead_letters.SCAN, 4])
async def test_filters_choose_by_reason_and_channel_over_pages(
    database_url: str, monkeypatch: pytest.MonkeyPatch, scan: int
) -> None:
    monkeypatch.setattr(dead_letters, "SCAN", scan)
    kinds = [
        (DeadLetterReason.UNREADABLE, 0),
        (DeadLetterReason.POISON, EMAIL),
        (DeadLetterReason.POISON, WEBHOOK),
    ]
    letters = [
        replace(letter(number, "filtered"), reason=reason, channel=channel)
        for number, (reason, channel) in enumerate(kinds * 3, 100)
    ]
    set_caller(Caller(tenant_id="filtered", subject="key", scopes=frozenset()))
    async with open_pool(database_url, application="test") as pool:
        await migrate(pool, package="services.dispatch", schema="dispatch")
        store = DeadLetterStore(pool)
        await in_transaction(pool, lambda connection: store.add(connection, letters))
        servicer = DeadLetterServicer(store=store)

        async def listed(reason: int, channel: int) -> list[int]:
            found: list[int] = []
            token = ""
            while True:
                page = await servicer.ListDeadLetters(
                    ListDeadLettersRequest(
                        page_size=2,
                        page_token=token,
                        reason=MessageReason.ValueType(reason),
                        channel=Channel.ValueType(channel),
                    ),
                    NO_CONTEXT,
                )
                found += [UUID(dead.dead_letter_id).int for dead in page.dead_letters]
                token = page.next_page_token
                if not token:
                    return found

        assert await listed(0, 0) == [*range(108, 99, -1)]
        assert await listed(DeadLetterReason.POISON, 0) == [108, 107, 105, 104, 102, 101]
        assert await listed(0, WEBHOOK) == [108, 105, 102]
        assert await listed(DeadLetterReason.POISON, EMAIL) == [107, 104, 101]
        assert await listed(DeadLetterReason.UNREADABLE, EMAIL) == []
