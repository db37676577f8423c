"""Writing the audit: behind the answer, in order, once each, and never in the way of a command."""

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime
from uuid import uuid4

from opsroom_contracts.audit import AuditAction, AuditEntry, AuditOutcome, Requester
from opsroom_contracts.codec import encode
from opsroom_contracts.errors import Fault
from opsroom_contracts.model import to_milliseconds
from opsroom_contracts.subjects import audit_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.batch_writer import (
    BatchWriter,
    ConflictError,
    OverloadedError,
    RefusedError,
    Write,
)
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_messaging.runtime.process import running

_GROUP = 200
_AGAIN_SECONDS = 0.5
_TARGET_MAX = 128

log = logging.getLogger(__name__)


def accepted(action: AuditAction, actor: str, operation_id: str, target: str | None) -> AuditEntry:
    """The entry of a command that was accepted: the same for a retry of it, so that it is stored once."""
    return AuditEntry(
        id=f"{action.value}-{operation_id}"[:64],
        at=_now(),
        outcome=AuditOutcome.ACCEPTED,
        action=action,
        actor=actor,
        target=target,
        operation_id=operation_id,
    )


def refused(action: AuditAction, actor: str, fault: Fault, target: str | None) -> AuditEntry:
    """The entry of a command that was refused."""
    return AuditEntry(
        id=uuid4().hex,
        at=_now(),
        outcome=AuditOutcome.REFUSED,
        action=action,
        actor=actor,
        target=target,
        code=fault.code,
        reason=fault.message,
        operation_id=fault.operation_id,
    )


def moderated(
    action: AuditAction, by: Requester, target: str, reason: str | None, *, once: str | None = None
) -> AuditEntry:
    """The entry of something that somebody did about a message or a person.

    ``once``: an id of what can be done but once, so that a retry of it is stored once.
    """
    return AuditEntry(
        id=uuid4().hex if once is None else f"{action.value}-{once}"[:64],
        at=_now(),
        outcome=AuditOutcome.ACCEPTED,
        action=action,
        actor=by.name,
        address=by.address,
        target=target[:_TARGET_MAX],
        reason=reason,
    )


class Audit:
    """Entries on their way to the stream. Past ``most`` that wait, one goes to the log instead."""

    def __init__(self, broker: NatsConnection, *, most: int = 10_000) -> None:
        self._writer = BatchWriter(broker)
        self._waiting: deque[AuditEntry] = deque()
        self._most = most
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def note(self, entry: AuditEntry) -> None:
        """Have ``entry`` stored soon; returns at once."""
        if len(self._waiting) >= self._most:
            _to_log(entry, "too many wait")
            return
        self._waiting.append(entry)
        self._empty.clear()
        self._wake.set()

    async def run(self) -> None:
        """Store what is noted until cancelled; what the broker does not take yet is tried again."""
        async with running(writer=self._writer.run()):
            while True:
                await self._wake.wait()
                while self._waiting:
                    await self._store_some()
                self._empty.set()
                self._wake.clear()

    async def drain(self, timeout: float = 2.0) -> None:
        """Wait until all is stored; what is not by then goes to the log."""
        try:
            async with asyncio.timeout(timeout):
                await self._empty.wait()
        except TimeoutError:
            for entry in self._waiting:
                _to_log(entry, "stopping")

    async def _store_some(self) -> None:
        some = [self._waiting[i] for i in range(min(_GROUP, len(self._waiting)))]
        outcomes = await asyncio.gather(*(self._store(entry) for entry in some))
        for _ in some:
            self._waiting.popleft()
        again = [entry for entry, stored in zip(some, outcomes, strict=True) if not stored]
        if again:
            self._waiting.extendleft(reversed(again))
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _store(self, entry: AuditEntry) -> bool:
        write = Write(audit_subject(entry.outcome.value, entry.id), encode(entry), expected=0)
        try:
            await self._writer.write(write)
        except ConflictError:
            return True  # a retry of what is there already
        except (UnavailableError, OverloadedError):
            return False
        except RefusedError as error:
            _to_log(entry, str(error))
        return True


def _to_log(entry: AuditEntry, why: str) -> None:
    log.error("not stored in the audit (%s): %s", why, encode(entry).decode())


def _now() -> datetime:
    return to_milliseconds(datetime.now(UTC))
