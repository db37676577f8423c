"""The ``MEMBERS`` stream: the directory that follows it, and guarded changes to it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from weakref import WeakValueDictionary

from opsroom_chat.domain.member_index import MemberIndex, NameEntry
from opsroom_chat.domain.presence import Change, NameClaimChange
from opsroom_chat.domain.tokens import name_key
from opsroom_contracts.chat import MEMBER, NAME_CLAIM, Member, MemberStatus, NameClaim, ProtocolVersion
from opsroom_contracts.codec import ContractError, encode
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.moderation import RESTRICTION
from opsroom_contracts.subjects import member_subject, name_subject, restriction_subject
from opsroom_contracts.versions import NewerVersionError
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter, Write
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

_ATTEMPTS = 20
_RELEASED_NAME_SECONDS = 60
_COURSE_AWAY = timedelta(days=1)
_NAME_PREFIX = name_subject("")
_RESTRICTION_PREFIX = restriction_subject("")

log = logging.getLogger(__name__)

Mutation = Callable[[Member | None], Change | None]
"""What should become of a person's record, given as it is now; None: nothing."""


class MemberProjection:
    """Keeps a directory in step with the stream; a fresh start is built aside and then put in place."""

    def __init__(self) -> None:
        self.index = MemberIndex()
        self.malformed = 0
        self._building: MemberIndex | None = None

    def on_restart(self, *, reset: bool) -> None:
        """Start aside, so that nobody sees a half-filled directory."""
        if reset:
            self._building = MemberIndex()

    def on_message(self, message: StreamMessage) -> None:
        """Take in one record; what does not fit its contract is skipped, counted and logged."""
        directory = self.index if self._building is None else self._building
        directory.delivered(message.seq)
        try:
            take_in(directory, message)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)

    def take_in(self, message: StreamMessage) -> Member | None:
        """Take in one record that was read by itself; it is counted, where it must be, when delivered.

        Answers the person, where it is one's and can be read.

        Raises:
            UnavailableError: a newer release wrote it, so a process of that one has to decide.
        """
        try:
            return take_in(self.index, message)
        except NewerVersionError as error:
            raise UnavailableError(f"{message.subject}: {error}") from error
        except ContractError:
            return None

    def on_synced(self) -> None:
        """Put the new directory in place."""
        if self._building is not None:
            self.index = self._building
            self._building = None


def take_in(directory: MemberIndex, message: StreamMessage) -> Member | None:
    """Put a stored record into ``index``; answers the person, where it is one's.

    Raises:
        ContractError: it does not fit its contract, or speaks of another person than its subject.
    """
    if message.subject.startswith(_RESTRICTION_PREFIX):
        restriction = RESTRICTION.read(message.data)
        directory.restrictions.put(restriction, message.seq, message.at)
        return None
    if message.subject.startswith(_NAME_PREFIX):
        claim = NAME_CLAIM.read(message.data)
        directory.put_name(message.subject.removeprefix(_NAME_PREFIX), claim.user_id, message.seq)
        return None
    member = MEMBER.read(message.data)
    if member_subject(member.user.id) != message.subject:
        raise ContractError("user.id", f"must be that of its subject {message.subject}")
    directory.put_member(member, message.seq)
    return member


def _release(key: str, expected: int) -> Write:
    return Write(name_subject(key), encode(NameClaim()), expected=expected, ttl=_RELEASED_NAME_SECONDS)


class MemberRepository:
    """Changes people's records, each guarded by what it was decided on, and decided again if that moved."""

    def __init__(
        self, sink: MemberProjection, reader: StreamReader, writer: BatchWriter, *, token_life: timedelta
    ) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._token_life = token_life
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def index(self) -> MemberIndex:
        """Everybody, as far as this process has heard."""
        return self._sink.index

    async def find(self, user_id: str, wanted: Callable[[Member], bool]) -> Member | None:
        """A person's record, if it is as ``wanted``.

        What another process stored a moment ago may not have been heard of here yet, so nobody is turned
        away before the stream itself was asked.
        """
        entry = self.index.member(user_id)
        if entry is not None and wanted(entry.member):
            return entry.member
        member, _ = await self._read_member(user_id)
        return member if member is not None and wanted(member) else None

    async def change(self, user_id: str, decide: Mutation) -> tuple[Member | None, int]:
        """Decide and store; answers the record as it then is, and its sequence (0: there is none).

        Only the stream's own record is reason enough to refuse or to change nothing; see ``find``.

        Raises:
            FaultError: what ``decide`` refused; ``name_taken``; ``overloaded`` after too many conflicts.
            UnavailableError: the broker did not answer, or a newer release wrote the record.
        """
        # One person's changes take turns here: many at once, as when all of their sockets come back, would
        # spoil each other's guard again and again. The guard is for what other processes do.
        turn = self._turns.setdefault(user_id, asyncio.Lock())
        async with turn:
            return await self._change(user_id, decide)

    async def _change(self, user_id: str, decide: Mutation) -> tuple[Member | None, int]:
        heard = self.index.member(user_id)
        if heard is not None:
            with suppress(FaultError, ConflictError):
                change = decide(heard.member)
                if change is not None:
                    return change.member, await self._store(change, heard.seq)
        for _ in range(_ATTEMPTS):
            member, seq = await self._read_member(user_id)
            change = decide(member)
            if change is None:
                return member, seq
            try:
                return change.member, await self._store(change, seq)
            except ConflictError:
                continue
        raise refuse(ErrorCode.OVERLOADED, "too many changes to this person at once; try again")

    async def release_name(self, key: str) -> None:
        """Release a name whose holder is gone; one that has moved on meanwhile is left alone.

        It was released, and what says so has run out since: a broker that is killed after that brings the
        claim back, as it keeps no record of what gave way to something newer.

        Raises:
            UnavailableError: the broker did not answer.
        """
        held = await self._read_name(key)
        if held is None or held.user_id is None or await self._keeps(held.user_id, key):
            return
        with suppress(ConflictError):
            (seq,) = await self._writer.write(_release(key, held.seq))
            self.index.put_name(key, None, seq)

    async def _store(self, change: Change, expected: int) -> int:
        member = change.member
        record = Write(
            member_subject(member.user.id), encode(member), expected=expected, ttl=self._life_of(member)
        )
        claim = None if change.name is NameClaimChange.KEEP else await self._claim(change)
        if claim is None:
            (seq,) = await self._writer.write(record)
        else:
            seq, name_seq = await self._writer.write(record, claim)
            holder = member.user.id if change.name is NameClaimChange.CLAIM else None
            self.index.put_name(name_key(member.user.name), holder, name_seq)
        self.index.put_member(member, seq)
        return seq

    async def _claim(self, change: Change) -> Write | None:
        """The write that claims or releases the name; None where there is nothing to release.

        Raises:
            FaultError: ``name_taken``.
        """
        user = change.member.user
        key = name_key(user.name)
        held = await self._read_name(key)
        expected = 0 if held is None else held.seq
        if change.name is NameClaimChange.RELEASE:
            if held is None or held.user_id != user.id:
                return None
            return _release(key, expected)
        if held is not None and held.user_id not in {None, user.id} and await self._keeps(held.user_id, key):
            raise refuse(ErrorCode.NAME_TAKEN, f"The name {user.name!r} is already taken.", field="name")
        return Write(name_subject(key), encode(NameClaim(user_id=user.id)), expected=expected)

    async def _keeps(self, user_id: str | None, key: str) -> bool:
        """Whether the holder of a claim is really there: a claim without its person must not block a name."""
        if user_id is None:
            return False
        holder, _ = await self._read_member(user_id)
        return (
            holder is not None
            and holder.status is not MemberStatus.AWAY
            and name_key(holder.user.name) == key
        )

    def _life_of(self, member: Member) -> int | None:
        if member.status is not MemberStatus.AWAY:
            return None
        life = self._token_life if member.dialect is ProtocolVersion.V1 else _COURSE_AWAY
        return max(1, int(life.total_seconds()))  # to the broker, 0 would be for good

    async def _read_member(self, user_id: str) -> tuple[Member | None, int]:
        """The record in the stream and its sequence; what can't be read counts as what was known before."""
        stored = await self._reader.last(member_subject(user_id))
        if stored is None:
            self.index.drop_member(user_id)
            return None, 0
        read = self._sink.take_in(stored)
        entry = self.index.member(user_id)
        return read if entry is None else entry.member, stored.seq

    async def _read_name(self, key: str) -> NameEntry | None:
        stored = await self._reader.last(name_subject(key))
        if stored is None:
            self.index.drop_name(key)
            return None
        self._sink.take_in(stored)
        entry = self.index.name(key)
        return NameEntry(None if entry is None else entry.user_id, stored.seq)
