"""Background writer of the audit stream: stores each entry once and in order, without delaying commands."""

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from opsroom_contracts.addresses import network_of
from opsroom_contracts.audit import (
    GATEWAY_ACTIONS,
    TARGET_MAX,
    AuditAction,
    AuditEntry,
    AuditOutcome,
    Requester,
    caller_identity,
)
from opsroom_contracts.errors import Fault
from opsroom_contracts.identity import OPERATOR_IDENTITY
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.subjects import audit_subject
from opsroom_contracts.text import clip
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import ConflictError, OverloadedError, RejectedError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.process import run_tasks
from opsroom_runtime.token_bucket import Rate, TokenBuckets

_BATCH_ENTRIES = 200
_RETRY_SECONDS = 0.5
_ID_MAX = 64
_REFUSALS: Final = Rate(1.0, 30)
"""Rate of refusals that one process records for each identity and for each address."""

log = logging.getLogger(__name__)


def accepted_entry(
    action: AuditAction,
    by: Requester,
    operation_id: str,
    target: str | None,
    *,
    part: str | None = None,
    reason: str | None = None,
) -> AuditEntry:
    """The entry of an accepted command. A retry of the command gives the same id, so it is stored once.

    ``part``: distinguishes actions that several people may take on one operation, each once.
    """
    once = operation_id if part is None else f"{operation_id}-{part}"
    return AuditEntry(
        id=f"{action.value}-{once}"[:_ID_MAX],
        at=_now(),
        outcome=AuditOutcome.ACCEPTED,
        action=action,
        actor=by.name,
        identity=caller_identity(by.identity, by.address),
        address=by.address,
        target=_clipped(target),
        operation_id=operation_id,
        reason=reason,
    )


def rejected_entry(action: AuditAction, by: Requester, fault: Fault, target: str | None) -> AuditEntry:
    """The entry of a rejected command."""
    return AuditEntry(
        id=uuid4().hex,
        at=_now(),
        outcome=AuditOutcome.REFUSED,
        action=action,
        actor=by.name,
        identity=caller_identity(by.identity, by.address),
        address=by.address,
        target=_clipped(target),
        code=fault.code,
        reason=fault.message,
        operation_id=fault.operation_id,
    )


def moderation_entry(
    action: AuditAction, by: Requester, target: str, reason: str | None, *, once: str | None = None
) -> AuditEntry:
    """The entry of a moderation action on a message or a user.

    ``once``: the id of an action that can happen only once, so that a retry of it is stored once.
    """
    return AuditEntry(
        id=uuid4().hex if once is None else f"{action.value}-{once}"[:_ID_MAX],
        at=_now(),
        outcome=AuditOutcome.ACCEPTED,
        action=action,
        actor=by.name,
        identity=caller_identity(by.identity, by.address),
        address=by.address,
        target=_clipped(target),
        reason=reason,
    )


class AuditWriter:
    """Queues audit entries and writes them to the stream. If the queue is full, entries go to the log.

    Refusals are limited per identity and per address, so that nobody can flush the stream with them. What the
    broker's operator sends over NATS is not limited.
    """

    def __init__(self, broker: NatsConnection, *, max_pending: int = 10_000) -> None:
        self._writer = BatchWriter(broker)
        self._pending: deque[AuditEntry] = deque()
        self._max_pending = max_pending
        self._refusals = TokenBuckets(_REFUSALS)
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._failures = FailureLog(log, "storing audit entries")

    def record(self, entry: AuditEntry) -> None:
        """Queue ``entry`` to be stored, unless it is one refusal too many of its caller."""
        if entry.outcome is AuditOutcome.REFUSED and self._exceeds_limit(entry):
            return
        if len(self._pending) >= self._max_pending:
            _write_to_log(entry, "the queue is full")
            return
        self._pending.append(entry)
        self._empty.clear()
        self._wake.set()

    def _exceeds_limit(self, refusal: AuditEntry) -> bool:
        if refusal.identity == OPERATOR_IDENTITY:
            return False
        callers = {refusal.identity or refusal.actor}
        if refusal.address is not None:
            callers.add(f"address/{network_of(refusal.address)}")
        now = asyncio.get_running_loop().time()
        waits = [self._refusals.acquire(caller, now) for caller in callers]
        return max(waits) > 0

    async def run(self) -> None:
        """Store queued entries until cancelled; retry while the broker is unavailable."""
        async with run_tasks(writer=self._writer.run()):
            while True:
                await self._wake.wait()
                while self._pending:
                    await self._store_batch()
                self._empty.set()
                self._wake.clear()

    async def drain(self, timeout: float = 2.0) -> None:
        """Wait up to ``timeout`` seconds until the queue is empty; write what is left to the log."""
        try:
            async with asyncio.timeout(timeout):
                await self._empty.wait()
        except TimeoutError:
            for entry in self._pending:
                _write_to_log(entry, "stopping")

    async def _store_batch(self) -> None:
        batch = [self._pending[i] for i in range(min(_BATCH_ENTRIES, len(self._pending)))]
        results = await asyncio.gather(*(self._store(entry) for entry in batch))
        for _ in batch:
            self._pending.popleft()
        failed = [entry for entry, done in zip(batch, results, strict=True) if not done]
        if failed:
            self._pending.extendleft(reversed(failed))
            await asyncio.sleep(_RETRY_SECONDS)

    async def _store(self, entry: AuditEntry) -> bool:
        """Whether ``entry`` is done; False: retry it."""
        by_gateway = entry.outcome is AuditOutcome.ACCEPTED and entry.action in GATEWAY_ACTIONS
        subject = audit_subject(entry.outcome.value, entry.id, by_gateway=by_gateway)
        write = Write(subject, encode(entry), expected=0)
        try:
            await self._writer.write(write)
        except ConflictError:
            return True  # already stored
        except (UnavailableError, OverloadedError) as error:
            self._failures.failed(str(error))
            return False
        except RejectedError as error:
            _write_to_log(entry, str(error))
        else:
            self._failures.succeeded()
        return True


def _clipped(target: str | None) -> str | None:
    """Return the target as an entry may have it; that of an adoption, for example, may be longer."""
    return None if target is None else clip(target, TARGET_MAX)


def _write_to_log(entry: AuditEntry, reason: str) -> None:
    log.error("audit entry not stored (%s): %s", reason, encode(entry).decode())


def _now() -> datetime:
    return to_milliseconds(datetime.now(UTC))
