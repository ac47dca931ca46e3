"""Mutations that a caller may repeat: the first answer to a request id, given again.

The table is `<schema>.request_ids` of the service:

    tenant_id text, method text, request_digest bytea, payload_hash bytea, answer bytea,
    create_time timestamptz, PRIMARY KEY (tenant_id, method, request_digest)

and an index on `create_time`. A row commits with the mutation that it answers for, or not at all. Neither
the request id nor the answer stand in it in the clear: both are under the request id itself, so that an
answer with a secret can be opened by who can ask for it again, and by nobody who reads the table.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import Message

from libs.errors import RequestIdReused
from libs.failpoints import failpoint
from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection, in_transaction

RETENTION = timedelta(hours=25)
"""The contracts promise 24 hours from the answer; a row is as old as the beginning of its transaction."""
SWEEP_INTERVAL = timedelta(minutes=10)

_SWEPT = 1_000
_NONCE_BYTES = 12
_FIELD = "request_id"

Answer = TypeVar("Answer", bound=Message)


class RequestIds:
    """The request ids of one service."""

    def __init__(self, pool: Pool, *, schema: str, retention: timedelta = RETENTION) -> None:
        self._pool = pool
        self._table = f"{schema}.request_ids"
        self._retention = retention

    async def once(
        self,
        tenant_id: str,
        request: Message,
        answer_type: type[Answer],
        work: Callable[[Connection], Awaitable[Answer]],
    ) -> Answer:
        """Runs `work` in one transaction and returns its answer, or that of the first equal request.

        `work` must change and read by the connection that it is given only: calls with one id wait for
        one another, each with a connection of the pool in hand. It may run more than once, of which one
        run commits. A request without an id is carried out each time. What `work` raises is not kept.

        Raises RequestIdReused when the tenant has used the id with another payload for this method.
        """
        entry = _Entry(tenant_id, request)

        async def guarded(connection: Connection) -> Answer:
            first = await self._first_answer(connection, entry)
            if first is not None:
                return answer_type.FromString(first)
            answer = await work(connection)
            failpoint("idempotency.changed")
            await connection.execute(
                f"UPDATE {self._table} SET answer = $4"  # noqa: S608 - our own name
                " WHERE tenant_id = $1 AND method = $2 AND request_digest = $3",
                *entry.key,
                entry.close(answer.SerializeToString()),
            )
            return answer

        return await in_transaction(self._pool, guarded if entry.request_id else work)

    async def sweep(self) -> None:
        """Forgets ids that are old enough, a bounded number per transaction."""
        swept = _SWEPT
        while swept == _SWEPT:
            # The rows are locked in the order of their age by every process that sweeps.
            status = await self._pool.execute(
                f"DELETE FROM {self._table} WHERE ctid = ANY (ARRAY("  # noqa: S608 - our own name
                f" SELECT ctid FROM {self._table} WHERE create_time < now() - $1::interval"
                " ORDER BY create_time LIMIT $2 FOR UPDATE SKIP LOCKED))",
                self._retention,
                _SWEPT,
            )
            swept = int(status.rsplit(" ", 1)[1])

    async def _first_answer(self, connection: Connection, entry: _Entry) -> bytes | None:
        """Returns the answer there is; without one the id is this transaction's."""
        while True:
            # Waits while another transaction has the id in hand, and sees what became of it.
            taken = await connection.fetchval(
                f"INSERT INTO {self._table}"  # noqa: S608 - our own name
                " (tenant_id, method, request_digest, payload_hash, answer, create_time)"
                " VALUES ($1, $2, $3, $4, '', now()) ON CONFLICT DO NOTHING RETURNING true",
                *entry.key,
                entry.payload_hash,
            )
            if taken:
                return None
            row = await connection.fetchrow(
                f"SELECT payload_hash, answer FROM {self._table}"  # noqa: S608 - our own name
                " WHERE tenant_id = $1 AND method = $2 AND request_digest = $3",
                *entry.key,
            )
            # None: it was swept between the two statements.
            if row is not None:
                if row["payload_hash"] != entry.payload_hash:
                    raise RequestIdReused(entry.request_id)
                return entry.open(row["answer"])


class _Entry:
    """What stands in the table for one request."""

    def __init__(self, tenant_id: str, request: Message) -> None:
        method = request.DESCRIPTOR.full_name
        payload = type(request)()
        payload.CopyFrom(request)
        # Only the generated types know of the field.
        self.request_id: str = getattr(payload, _FIELD)
        payload.ClearField(_FIELD)
        subject = f"{tenant_id}\0{method}\0{self.request_id}".encode()
        self.key = (tenant_id, method, _digest(subject, b"request_id"))
        self.payload_hash = _digest(payload.SerializeToString(deterministic=True), b"payload")
        self._cipher = AESGCM(_digest(subject, b"answer"))

    def close(self, answer: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, answer, self.payload_hash)

    def open(self, closed: bytes) -> bytes:
        return self._cipher.decrypt(closed[:_NONCE_BYTES], closed[_NONCE_BYTES:], self.payload_hash)


def _digest(data: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, person=purpose).digest()
