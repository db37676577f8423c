"""The ``MEMBERS`` stream: the directory that follows it, and guarded changes to it."""

import logging
from collections.abc import Callable
from datetime import timedelta

from opsroom_chat.domain.directory import Directory, MemberEntry, NameEntry
from opsroom_chat.domain.people import Change, Name
from opsroom_chat.domain.tokens import name_key
from opsroom_contracts.chat import MEMBER, NAME_CLAIM, Dialect, Member, MemberStatus, NameClaim
from opsroom_contracts.codec import ContractError, decode, encode
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.subjects import member_subject, name_subject
from opsroom_messaging.stored import Stored, StreamReader
from opsroom_messaging.writer import ConflictError, GroupWriter, Write

_ATTEMPTS = 20
_RELEASED_NAME_SECONDS = 60
_COURSE_AWAY = timedelta(days=1)
_NAME_PREFIX = name_subject("")

log = logging.getLogger(__name__)

Decide = Callable[[Member | None], Change | None]
"""What should become of a person's record, given as it is now; None: nothing."""


class MembersSink:
    """Keeps a directory in step with the stream; a fresh start is built aside and then put in place."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.malformed = 0
        self._building: Directory | None = None

    def begin(self, *, fresh: bool) -> None:
        """Start aside, so that nobody sees a half-filled directory."""
        if fresh:
            self._building = Directory()

    def deliver(self, message: Stored) -> None:
        """Take in one record; what does not fit its contract is skipped, counted and logged."""
        try:
            if self._building is not None:
                take_in(self._building, message)
            else:
                take_in(self.directory, message)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)

    def caught_up(self) -> None:
        """Put the new directory in place."""
        if self._building is not None:
            self.directory = self._building
            self._building = None


def take_in(directory: Directory, message: Stored) -> None:
    """Put a stored record into ``directory``.

    Raises:
        ContractError: it does not fit its contract.
    """
    if message.subject.startswith(_NAME_PREFIX):
        claim = decode(NAME_CLAIM, message.data)
        directory.put_name(message.subject.removeprefix(_NAME_PREFIX), claim.user_id, message.seq)
    else:
        directory.put_member(decode(MEMBER, message.data), message.seq)


class Members:
    """Changes people's records, each guarded by what it was decided on, and decided again if that moved."""

    def __init__(
        self, sink: MembersSink, reader: StreamReader, writer: GroupWriter, *, token_life: timedelta
    ) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._token_life = token_life

    @property
    def directory(self) -> Directory:
        """Everybody, as far as this process has heard."""
        return self._sink.directory

    async def find(self, user_id: str) -> MemberEntry | None:
        """A person's record, from the stream where this process has not heard of them."""
        return self.directory.member(user_id) or await self._read_member(user_id)

    async def change(self, user_id: str, decide: Decide) -> tuple[Member | None, int]:
        """Decide and store; answers the record as it then is, and its sequence (0: nothing changed).

        Raises:
            FaultError: what ``decide`` refused; ``name_taken``; ``overloaded`` after too many conflicts.
        """
        entry = await self.find(user_id)
        for _ in range(_ATTEMPTS):
            change = decide(None if entry is None else entry.member)
            if change is None:
                return (None, 0) if entry is None else (entry.member, 0)
            try:
                return change.member, await self._store(change, 0 if entry is None else entry.seq)
            except ConflictError:
                entry = await self._read_member(user_id)
                await self._read_name(name_key(change.member.user.name))
        raise refuse(ErrorCode.OVERLOADED, "too many changes to this person at once; try again")

    async def _store(self, change: Change, expected: int) -> int:
        member = change.member
        key = name_key(member.user.name)
        record = Write(
            member_subject(member.user.id), encode(member), expected=expected, ttl=self._life_of(member)
        )
        if change.name is Name.KEEP:
            (seq,) = await self._writer.write(record)
        else:
            held = self.directory.name(key) or await self._read_name(key)
            claim = _claim(change, held)
            if claim is None:
                (seq,) = await self._writer.write(record)
            else:
                seq, name_seq = await self._writer.write(record, claim)
                holder = member.user.id if change.name is Name.CLAIM else None
                self.directory.put_name(key, holder, name_seq)
        self.directory.put_member(member, seq)
        return seq

    def _life_of(self, member: Member) -> int | None:
        if member.status is not MemberStatus.AWAY:
            return None
        life = self._token_life if member.dialect is Dialect.V1 else _COURSE_AWAY
        return int(life.total_seconds())

    async def _read_member(self, user_id: str) -> MemberEntry | None:
        stored = await self._reader.last(member_subject(user_id))
        if stored is None:
            self.directory.drop_member(user_id)
            return None
        take_in(self.directory, stored)
        return self.directory.member(user_id)

    async def _read_name(self, key: str) -> NameEntry | None:
        stored = await self._reader.last(name_subject(key))
        if stored is None:
            self.directory.drop_name(key)
            return None
        take_in(self.directory, stored)
        return self.directory.name(key)


def _claim(change: Change, held: NameEntry | None) -> Write | None:
    """The write that claims or releases the name; None where there is nothing to release.

    Raises:
        FaultError: ``name_taken``.
    """
    member = change.member
    subject = name_subject(name_key(member.user.name))
    mine = held is not None and held.user_id == member.user.id
    if change.name is Name.RELEASE:
        if held is None or not mine:
            return None
        return Write(subject, encode(NameClaim()), expected=held.seq, ttl=_RELEASED_NAME_SECONDS)
    if held is not None and held.user_id is not None and not mine:
        raise refuse(ErrorCode.NAME_TAKEN, f"The name {member.user.name!r} is already taken.", field="name")
    return Write(subject, encode(NameClaim(user_id=member.user.id)), expected=0 if held is None else held.seq)
