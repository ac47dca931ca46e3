"""Mutations that a caller may repeat: the first answer to a request id, given again.

The table is `<schema>.request_ids` of the service:

    tenant_id text, method text, request_digest bytea, payload_hash bytea, answer bytea,
    create_time timestamptz, PRIMARY KEY (tenant_id, method, request_digest)

and an index on `create_time`. A row commits with the mutation that it answers for, or not at all.

An answer may hold a secret, so it is sealed under the cluster secret and the request id: to open it takes
the table, the secret of the services, and what only the caller knows. What finds a row, and tells its
payload from another, is a plain digest: whatever becomes of the secret, nothing is carried out twice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from google.protobuf.message import Message

from libs.cluster_secret import ClusterSecrets
from libs.errors import Cause, FieldViolation, RequestIdReused, TidingsError
from libs.failpoints import failpoint
from libs.postgres.pool import Pool
from libs.postgres.transaction import Connection, in_transaction
from libs.sealing import Sealer, Unopenable

_log = logging.getLogger(__name__)

RETENTION = timedelta(hours=25)
"""The contracts promise 24 hours from the answer; a row is as old as the beginning of its transaction."""
SWEEP_INTERVAL = timedelta(minutes=10)

_SWEPT = 1_000
_FIELD = "request_id"

Answer = TypeVar("Answer", bound=Message)


class AnswerUnreadable(TidingsError):
    """The request was carried out before, and its answer cannot be opened any more."""

    cause = Cause.ALREADY_EXISTS
    reason = "ANSWER_UNREADABLE"

    def __init__(self, request_id: str) -> None:
        sentence = (
            "this request was carried out before, but its answer is lost; look at what it did,"
            " and use a fresh id for another"
        )
        super().__init__(
            sentence,
            metadata={"request_id": request_id},
            violations=[FieldViolation("request_id", sentence)],
        )


class RequestIds:
    """The request ids of one service."""

    def __init__(
        self,
        pool: Pool,
        *,
        schema: str,
        secrets: ClusterSecrets,
        retention: timedelta = RETENTION,
    ) -> None:
        self._pool = pool
        self._schema = schema
        self._secrets = secrets
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

        Raises RequestIdReused when the tenant has used the id with another payload for this method, and
        AnswerUnreadable when the secret that sealed the first answer is gone; `work` is not run then.
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
                self._sealer(entry).seal(answer.SerializeToString(), *entry.subject),
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
                return self._opened(entry, row["answer"])

    def _opened(self, entry: _Entry, sealed: bytes) -> bytes:
        try:
            return self._sealer(entry).open(sealed, *entry.subject)
        except Unopenable as error:
            fields = {"table": self._table, "method": entry.method, "why": str(error)}
            _log.error("answer_unreadable", extra=fields)
            raise AnswerUnreadable(entry.request_id) from None

    def _sealer(self, entry: _Entry) -> Sealer:
        # A key for each id: who has the table and the secret must still know or guess the id.
        return Sealer(self._secrets, "request_ids.answer", self._schema, entry.request_id)


class _Entry:
    """What stands in the table for one request."""

    def __init__(self, tenant_id: str, request: Message) -> None:
        self.method = request.DESCRIPTOR.full_name
        payload = type(request)()
        payload.CopyFrom(request)
        # Only the generated types know of the field.
        self.request_id: str = getattr(payload, _FIELD)
        payload.ClearField(_FIELD)
        identity = f"{tenant_id}\0{self.method}\0{self.request_id}".encode()
        self.key = (tenant_id, self.method, _digest(identity, b"request_id"))
        self.payload_hash = _digest(payload.SerializeToString(deterministic=True), b"payload")
        #: What the answer is sealed for.
        self.subject = (tenant_id, self.method, self.payload_hash.hex())


def _digest(data: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, person=purpose).digest()
