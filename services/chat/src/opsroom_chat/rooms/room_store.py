"""Records of rooms and memberships: read from the stream, and changed with optimistic locking."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from opsroom_chat.domain.rooms import name_key
from opsroom_chat.members.repository import MemberRepository
from opsroom_contracts.chat.models import User
from opsroom_contracts.chat.room_index import RoomIndex
from opsroom_contracts.chat.rooms import (
    PERSON_ROOMS,
    ROOM_NAME_CLAIM,
    ROOM_RECORD,
    PersonRooms,
    Room,
    RoomNameClaim,
    RoomRecord,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.model import ModelT
from opsroom_contracts.serialization.versions import NewerVersionError, StoredContract
from opsroom_contracts.subjects import memberships_subject, room_name_subject, room_record
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Write

_ATTEMPTS = 20

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Stored(Generic[ResultT]):
    """A record, and its sequence: the one that must still be the last when the record is replaced.

    A record that doesn't exist has 0.
    """

    record: ResultT
    seq: int


@dataclass(frozen=True, slots=True)
class Plan(Generic[ResultT]):
    """What to store, all or nothing, and the result once it is stored.

    Attributes:
        result: takes the sequence from which all of it applies; 0 if there was nothing to store.
        rooms, people: new records, each with the sequence of the one that it replaces.
        claim: a room that takes its name, with the sequence of the claim that it replaces.
    """

    result: Callable[[int], ResultT]
    people: tuple[Stored[PersonRooms], ...] = ()
    rooms: tuple[Stored[Room], ...] = ()
    claim: Stored[Room] | None = None


class RoomStore:
    """Reads and changes the records."""

    def __init__(self, members: MemberRepository, reader: StreamReader, writer: BatchWriter) -> None:
        self._members = members
        self._reader = reader
        self._writer = writer

    @property
    def index(self) -> RoomIndex:
        """All records, as delivered to this process so far."""
        return self._members.index.rooms

    async def room(self, room: str) -> Stored[Room] | None:
        """Read a room's record from the stream; None: there is none.

        Raises:
            UnavailableError: the broker did not reply, or a newer release wrote it.
        """
        stored = await self._reader.last(room_record(room))
        record = None if stored is None else _read(ROOM_RECORD, stored)
        if stored is None or record is None or record.room.id != room:
            return None
        self.index.put_room(record.room, stored.seq)
        return Stored(record.room, stored.seq)

    async def person(self, user_id: str, field: str = "userId") -> Stored[PersonRooms]:
        """Read the rooms of a registered person from the stream.

        Raises:
            FaultError: ``user_unknown``, for ``field``.
            UnavailableError: the broker did not reply, or a newer release wrote it.
        """
        member, stored = await asyncio.gather(
            self._members.find(user_id, lambda _: True), self._reader.last(memberships_subject(user_id))
        )
        if member is None:
            raise refuse(ErrorCode.USER_UNKNOWN, f"no user has the id {user_id}", field=field)
        return self._rooms_of(member.user, stored)

    async def imported(self, user: User) -> Stored[PersonRooms]:
        """Read the rooms of a person of an imported chat, who is not registered.

        Raises:
            UnavailableError: as ``person``.
        """
        return self._rooms_of(user, await self._reader.last(memberships_subject(user.id)))

    def _rooms_of(self, user: User, stored: StreamMessage | None) -> Stored[PersonRooms]:
        record = None if stored is None else _read(PERSON_ROOMS, stored)
        if stored is None or record is None or record.user.id != user.id:
            return Stored(PersonRooms(user=user), 0 if stored is None else stored.seq)
        self.index.put_person(record, stored.seq)
        return Stored(record.model_copy(update={"user": user}), stored.seq)

    async def people(self, user_ids: Iterable[str]) -> list[Stored[PersonRooms]]:
        """Read the rooms of several people.

        Raises:
            FaultError: ``user_unknown``, for the field ``users``.
            UnavailableError: as ``person``.
        """
        return await asyncio.gather(*(self.person(user_id, "users") for user_id in user_ids))

    async def free_name(self, name: str, room: str) -> int:
        """Return the sequence of the claim that ``room`` must replace to take ``name``; 0: there is none.

        Raises:
            FaultError: ``name_taken``.
            UnavailableError: the broker did not reply, or a newer release wrote it.
        """
        stored = await self._reader.last(room_name_subject(name_key(name)))
        claim = None if stored is None else _read(ROOM_NAME_CLAIM, stored)
        if stored is None:
            return 0
        if claim is not None and claim.room != room:
            holder = await self.room(claim.room)
            if holder is not None and _uses(holder.record, name):
                raise refuse(ErrorCode.NAME_TAKEN, f"There is a room {name!r} already.", field="name")
        return stored.seq

    async def change(self, decide: Callable[[], Awaitable[Plan[ResultT]]]) -> ResultT:
        """Store what ``decide`` plans, and return its result. It decides again after a conflict.

        Raises:
            FaultError: ``decide`` refused; ``overloaded`` after too many conflicts.
            UnavailableError: the broker did not reply.
        """
        for _ in range(_ATTEMPTS):
            plan = await decide()
            if not plan.people and not plan.rooms:
                return plan.result(0)
            try:
                return plan.result(await self._store(plan))
            except ConflictError:
                continue
        raise refuse(ErrorCode.OVERLOADED, "too many concurrent changes to this room; try again")

    async def _store(self, plan: Plan[ResultT]) -> int:
        # A room's record comes last, so who has seen it has seen the memberships stored with it.
        writes = [] if plan.claim is None else [_claim(plan.claim)]
        writes += [_write(memberships_subject(one.record.user.id), one) for one in plan.people]
        writes += [
            _write(room_record(one.record.id), Stored(RoomRecord(room=one.record), one.seq))
            for one in plan.rooms
        ]
        sequences = (await self._writer.write(*writes))[len(writes) - len(plan.people) - len(plan.rooms) :]
        for person, seq in zip(plan.people, sequences, strict=False):
            self.index.put_person(person.record, seq)
        for room, seq in zip(plan.rooms, sequences[len(plan.people) :], strict=True):
            self.index.put_room(room.record, seq)
        return sequences[-1]


def _uses(room: Room, name: str) -> bool:
    return not room.archived and room.name is not None and name_key(room.name) == name_key(name)


def _write(subject: str, stored: Stored[PersonRooms] | Stored[RoomRecord]) -> Write:
    return Write(subject, encode(stored.record), expected=stored.seq, replaces=True)


def _claim(claim: Stored[Room]) -> Write:
    room = claim.record
    if room.name is None:
        raise AssertionError("a room without a name claims one")
    payload = encode(RoomNameClaim(room=room.id))
    return Write(room_name_subject(name_key(room.name)), payload, expected=claim.seq, replaces=True)


def _read(contract: StoredContract[ModelT], stored: StreamMessage) -> ModelT | None:
    """Read a record; None: it is malformed, so it is replaced as if it did not exist."""
    try:
        return contract.read(stored.data)
    except NewerVersionError as error:
        raise UnavailableError(f"{stored.subject}: {error}") from error
    except ContractError:
        return None
