"""The records of notifications: settings, devices, and the keys of this portal; changed with guards."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from opsroom_chat.push.vapid import new_identity
from opsroom_contracts.chat.notifications import (
    NOTIFICATIONS_RECORD,
    PUSH_DEVICES,
    PUSH_IDENTITY,
    PUSH_POSITION,
    NotificationsRecord,
    PushDevices,
    PushIdentity,
    PushPosition,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.model import ModelT
from opsroom_contracts.serialization.versions import NewerVersionError, StoredContract
from opsroom_contracts.subjects import (
    notifications_subject,
    push_devices_subject,
    push_keys_subject,
    push_position_subject,
)
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.writes import Write

_ATTEMPTS: Final = 10
_EMPTY_SECONDS: Final = 60
"""How long an empty record stays, so that all processes see it."""

log = logging.getLogger(__name__)

RecordT = TypeVar("RecordT", NotificationsRecord, PushDevices)


class NotificationRecords:
    """Reads and replaces the records."""

    def __init__(self, reader: StreamReader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def settings(self, user_id: str) -> NotificationsRecord:
        """Read what a person wants to be notified of.

        Raises:
            UnavailableError: the broker did not reply, or a newer release wrote it.
        """
        found, _ = await self._read(NOTIFICATIONS_RECORD, notifications_subject(user_id))
        return found or NotificationsRecord(user_id=user_id)

    async def change_settings(
        self, user_id: str, change: Callable[[NotificationsRecord], NotificationsRecord]
    ) -> tuple[NotificationsRecord, int]:
        """Store what ``change`` returns; return it, and its sequence (0: nothing had to change).

        Raises:
            FaultError: ``overloaded`` after too many conflicts.
            UnavailableError: as ``settings``.
        """
        empty, subject = NotificationsRecord(user_id=user_id), notifications_subject(user_id)
        return await self._change(NOTIFICATIONS_RECORD, subject, empty, change)

    async def change_devices(
        self, user_id: str, change: Callable[[PushDevices], PushDevices]
    ) -> tuple[PushDevices, int]:
        """As ``change_settings``, for the devices of a person."""
        empty, subject = PushDevices(user_id=user_id), push_devices_subject(user_id)
        return await self._change(PUSH_DEVICES, subject, empty, change)

    async def identity(self, now: datetime) -> PushIdentity:
        """Return the key pair of this portal; it is made if there is none. Of two processes, one makes it.

        Raises:
            FaultError: ``overloaded`` after too many conflicts.
            UnavailableError: the broker did not reply, or a newer release wrote it.
        """
        subject = push_keys_subject()
        for _ in range(_ATTEMPTS):
            found, seq = await self._read(PUSH_IDENTITY, subject)
            if found is not None:
                return found
            made = new_identity(now)
            try:
                await self._writer.write(Write(subject, encode(made), expected=seq, replaces=True))
            except ConflictError:
                continue
            return made
        raise _overloaded()

    async def position(self) -> tuple[PushPosition | None, int]:
        """Return up to where messages are pushed, and the sequence of the record; 0: there is none.

        Raises:
            UnavailableError: the broker did not reply, or a newer release wrote it.
        """
        return await self._read(PUSH_POSITION, push_position_subject())

    async def move(self, position: PushPosition, expected: int) -> bool:
        """Replace the position with the sequence ``expected``; False: it was replaced meanwhile.

        Raises:
            UnavailableError: the broker did not reply; it may be replaced.
        """
        write = Write(push_position_subject(), encode(position), expected=expected, replaces=True)
        try:
            await self._writer.write(write)
        except ConflictError:
            return False
        return True

    async def _change(
        self,
        contract: StoredContract[RecordT],
        subject: str,
        empty: RecordT,
        change: Callable[[RecordT], RecordT],
    ) -> tuple[RecordT, int]:
        for _ in range(_ATTEMPTS):
            found, seq = await self._read(contract, subject)
            before = found or empty
            after = change(before)
            if after == before:
                return before, 0
            ttl = _EMPTY_SECONDS if after == empty else None
            write = Write(subject, encode(after), expected=seq, ttl=ttl, replaces=True)
            try:
                (stored,) = await self._writer.write(write)
            except ConflictError:
                continue
            return after, stored
        raise _overloaded()

    async def _read(self, contract: StoredContract[ModelT], subject: str) -> tuple[ModelT | None, int]:
        stored = await self._reader.last(subject)
        if stored is None:
            return None, 0
        try:
            return contract.read(stored.data), stored.seq
        except NewerVersionError as error:
            raise UnavailableError(f"{subject}: {error}") from error
        except ContractError as error:
            log.warning("%s is replaced, since it can't be read: %s", subject, error)
            return None, stored.seq


def _overloaded() -> Exception:
    return refuse(ErrorCode.OVERLOADED, "too many concurrent changes to these settings; try again")
