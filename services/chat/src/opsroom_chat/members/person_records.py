"""Records of which each person has one, replaced with optimistic locking."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic

from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.model import ModelT
from opsroom_contracts.serialization.versions import NewerVersionError, StoredContract
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.writes import Write

_ATTEMPTS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record(Generic[ModelT]):
    """A person's record as it is stored. ``seq``: its sequence; 0: there is none."""

    value: ModelT | None
    seq: int


@dataclass(frozen=True, slots=True)
class RecordKind(Generic[ModelT]):
    """What is stored.

    ``subject``: that of a person's id. ``ttl``: seconds after which a record expires that is not replaced: as
    long as messages live.
    """

    contract: StoredContract[ModelT]
    subject: Callable[[str], str]
    ttl: int


class PersonRecords(Generic[ModelT]):
    """Reads and replaces the records of one kind."""

    def __init__(self, kind: RecordKind[ModelT], reader: StreamReader, writer: BatchWriter) -> None:
        self._kind = kind
        self._reader = reader
        self._writer = writer

    async def find(self, user_id: str) -> Record[ModelT]:
        """Read a person's record from the stream.

        Raises:
            UnavailableError: the broker did not reply, or a newer release wrote it.
        """
        stored = await self._reader.last(self._kind.subject(user_id))
        if stored is None:
            return Record(None, 0)
        try:
            value = self._kind.contract.read(stored.data)
        except NewerVersionError as error:
            raise UnavailableError(f"{stored.subject}: {error}") from error
        except ContractError as error:
            log.warning("%s is replaced, since it can't be read: %s", stored.subject, error)
            return Record(None, stored.seq)
        return Record(value, stored.seq)

    async def change(self, user_id: str, decide: Callable[[ModelT | None], Awaitable[ModelT | None]]) -> None:
        """Store what ``decide`` returns for the record, unless that is None; again after a conflict.

        Raises:
            FaultError: ``overloaded`` after too many conflicts.
            UnavailableError: the broker did not reply.
        """
        for _ in range(_ATTEMPTS):
            record = await self.find(user_id)
            after = await decide(record.value)
            if after is None:
                return
            subject = self._kind.subject(user_id)
            write = Write(subject, encode(after), expected=record.seq, ttl=self._kind.ttl, replaces=True)
            try:
                await self._writer.write(write)
            except ConflictError:
                continue
            return
        raise refuse(ErrorCode.OVERLOADED, "too many concurrent changes to this record; try again")
