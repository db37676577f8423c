"""Projection of the ``MEMBERS`` stream, and writes to it with optimistic locking."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

from opsroom_chat.domain.member_index import MemberIndex, NameEntry
from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.presence import Change, NameClaimChange
from opsroom_chat.members.changes import MemberChanges, Mutation, WaitingChange, fold
from opsroom_contracts.chat.models import MEMBER, NAME_CLAIM, Member, MemberStatus, NameClaim
from opsroom_contracts.chat.moderation import RESTRICTION
from opsroom_contracts.chat.notifications import NOTIFICATIONS_RECORD, PUSH_DEVICES
from opsroom_contracts.chat.rooms import PERSON_ROOMS, ROOM_RECORD
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import (
    member_subject,
    memberships_subject,
    name_subject,
    notifications_subject,
    push_devices_subject,
    restriction_subject,
    room_record,
)
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.metrics import Counter

_ATTEMPTS = 20
_RELEASED_NAME_SECONDS = 60
_AWAY_WITHOUT_TOKEN = timedelta(days=1)
"""How long the record of a member without a token is kept after they have left."""
_MEMBER_PREFIX = member_subject("")
_NAME_PREFIX = name_subject("")
_RESTRICTION_PREFIX = restriction_subject("")
_ROOM_PREFIX, _MEMBERSHIPS_PREFIX = room_record(""), memberships_subject("")
_NOTIFICATIONS_PREFIX = notifications_subject("")
_OTHER_PREFIXES = (_ROOM_PREFIX, _MEMBERSHIPS_PREFIX, _NOTIFICATIONS_PREFIX, push_devices_subject(""))

log = logging.getLogger(__name__)


class MemberProjection:
    """Keeps the member index up to date. After a restart a new index is built and swapped in when synced."""

    def __init__(self) -> None:
        self.index = MemberIndex()
        self.malformed = 0
        self.epoch: str | None = None
        self.changed = asyncio.Event()
        """Set by each change of the index."""
        self._building: MemberIndex | None = None
        self._next_epoch: str | None = None

    def on_restart(self, restart: Restart) -> None:
        """Start a new index after a reset; the old one stays visible until the new one is complete."""
        self._next_epoch = restart.epoch
        if restart.reset:
            self._building = MemberIndex()

    def on_message(self, message: StreamMessage) -> None:
        """Apply one record; a malformed one is skipped, counted and logged."""
        index = self.index if self._building is None else self._building
        index.delivered(message.seq)
        if _is_applied(index, message):
            return
        try:
            apply_record(index, message)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
        self.changed.set()

    def apply_record(self, message: StreamMessage) -> Member | None:
        """Apply one record that was read directly, and return the member if it is a readable member record.

        Malformed records are not counted here, but when the subscription delivers them.

        Raises:
            UnavailableError: a newer release wrote it; a process of that release must handle the request.
        """
        self.changed.set()
        try:
            return apply_record(self.index, message)
        except NewerVersionError as error:
            raise UnavailableError(f"{message.subject}: {error}") from error
        except ContractError:
            return None

    def on_synced(self) -> None:
        """Swap in the new index, and with it the epoch."""
        self.epoch = self._next_epoch
        if self._building is not None:
            self.index = self._building
            self._building = None
            self.changed.set()

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Start over if the stream lost a record that the index has."""
        oldest = self.index.oldest_seq(datetime.now(UTC))
        return oldest is not None and oldest < first_seq


def _is_applied(index: MemberIndex, message: StreamMessage) -> bool:
    """Whether ``index`` has a member's record since this process wrote it. Reading it again takes time.

    The record of a member who is away has to be applied once more, which drops it from the index.
    """
    if not message.subject.startswith(_MEMBER_PREFIX):
        return False
    known = index.member(message.subject.removeprefix(_MEMBER_PREFIX))
    return known is not None and known.seq == message.seq and known.member.status is not MemberStatus.AWAY


def apply_record(index: MemberIndex, message: StreamMessage) -> Member | None:
    """Apply a stored record to ``index``; return the member if it is a member record.

    Raises:
        ContractError: it does not fit its contract, or its id does not match its subject.
    """
    if message.subject.startswith(_RESTRICTION_PREFIX):
        restriction = RESTRICTION.read(message.data)
        index.restrictions.put(restriction, message.seq, message.at)
        return None
    if message.subject.startswith(_NAME_PREFIX):
        claim = NAME_CLAIM.read(message.data)
        index.put_name(message.subject.removeprefix(_NAME_PREFIX), claim.user_id, message.seq)
        return None
    if message.subject.startswith(_OTHER_PREFIXES):
        _apply_other(index, message)
        return None
    member = MEMBER.read(message.data)
    _check_subject("user.id", member_subject(member.user.id), message)
    index.put_member(member, message.seq)
    return member


def _apply_other(index: MemberIndex, message: StreamMessage) -> None:
    """Apply a record of rooms or notifications."""
    if message.subject.startswith(_ROOM_PREFIX):
        room = ROOM_RECORD.read(message.data).room
        _check_subject("room.id", room_record(room.id), message)
        index.rooms.put_room(room, message.seq)
    elif message.subject.startswith(_MEMBERSHIPS_PREFIX):
        person = PERSON_ROOMS.read(message.data)
        _check_subject("user.id", memberships_subject(person.user.id), message)
        index.rooms.put_person(person, message.seq)
    elif message.subject.startswith(_NOTIFICATIONS_PREFIX):
        record = NOTIFICATIONS_RECORD.read(message.data)
        _check_subject("userId", notifications_subject(record.user_id), message)
        index.notifications.put_settings(record.user_id, record.settings, message.seq)
    else:
        devices = PUSH_DEVICES.read(message.data)
        _check_subject("userId", push_devices_subject(devices.user_id), message)
        index.notifications.put_devices(devices, message.seq)


def _check_subject(field: str, subject: str, message: StreamMessage) -> None:
    if subject != message.subject:
        raise ContractError(field, f"must match the subject {message.subject}")


def _claim(key: str, user_id: str, held: NameEntry | None) -> Write:
    expected = 0 if held is None else held.seq
    return Write(name_subject(key), encode(NameClaim(user_id=user_id)), expected=expected, replaces=True)


def _release(key: str, expected: int) -> Write:
    return Write(
        name_subject(key), encode(NameClaim()), expected=expected, ttl=_RELEASED_NAME_SECONDS, replaces=True
    )


class MemberRepository:
    """Reads and changes member records with optimistic locking; retries after a conflict."""

    def __init__(
        self,
        projection: MemberProjection,
        reader: StreamReader,
        writer: BatchWriter,
        *,
        token_life: timedelta,
        conflicts: Counter,
    ) -> None:
        """``conflicts`` counts writes that failed because another process had written before."""
        self._projection = projection
        self._reader = reader
        self._writer = writer
        self._token_life = token_life
        self._conflicts = conflicts
        self._changes: WeakValueDictionary[str, MemberChanges] = WeakValueDictionary()

    @property
    def index(self) -> MemberIndex:
        """All members, as delivered to this process so far."""
        return self._projection.index

    @property
    def epoch(self) -> str | None:
        """The epoch of the stream that the index was read from; None: it has none yet."""
        return self._projection.epoch

    async def until_expiring(self) -> None:
        """Wait until a member has a deadline."""
        while not self.index.has_expiring:
            self._projection.changed.clear()
            await self._projection.changed.wait()

    async def find(self, user_id: str, predicate: Callable[[Member], bool]) -> Member | None:
        """Return a member's record if it satisfies ``predicate``.

        The projection may lag behind other processes, so the stream is read before None is returned.
        """
        entry = self.index.member(user_id)
        if entry is not None and predicate(entry.member):
            return entry.member
        member, _ = await self._read_member(user_id)
        return member if member is not None and predicate(member) else None

    async def change(self, user_id: str, decide: Mutation) -> tuple[Member | None, int]:
        """Apply ``decide`` to the record and store the result.

        The projection may lag, so a refusal or "no change" is final only if it is based on the record in the
        stream.

        Returns:
            The record after the change, and its sequence (0: there is no record).

        Raises:
            FaultError: ``decide`` refused; ``name_taken``; ``overloaded`` after too many conflicts.
            UnavailableError: the broker did not respond, or a newer release wrote the record.
        """
        changes = self._changes.setdefault(user_id, MemberChanges())
        mine = WaitingChange(decide)
        changes.waiting.append(mine)
        try:
            # Serialized in this process; otherwise the changes would conflict. Optimistic locking handles
            # the other processes.
            async with changes.lock:
                while mine.outcome is None:
                    await self._apply(user_id, changes.unresolved())
        finally:
            changes.waiting.remove(mine)
        if isinstance(mine.outcome, FaultError):
            raise mine.outcome
        return mine.outcome

    async def _apply(self, user_id: str, changes: Sequence[WaitingChange]) -> None:
        """Store the first of ``changes``, and those after it that can be stored with it."""
        cached = self.index.member(user_id)
        if cached is not None:
            folded = fold(cached.member, changes, is_current=False)
            if folded.total is not None:
                with suppress(FaultError, ConflictError):
                    folded.resolve(await self._store(folded.total, cached.seq))
                    return
        for _ in range(_ATTEMPTS):
            member, seq = await self._read_member(user_id)
            folded = fold(member, changes, is_current=True)
            try:
                folded.resolve(seq if folded.total is None else await self._store(folded.total, seq))
            except ConflictError:
                continue
            except FaultError as error:  # the name is taken
                folded.refuse_claim(error, seq)
            return
        raise refuse(ErrorCode.OVERLOADED, "too many concurrent changes to this user; try again")

    async def release_name(self, key: str) -> None:
        """Release a name whose holder is gone; do nothing if it has a valid holder.

        Such claims appear after a broker crash: if a release before decision 0049 stored the tombstone, the
        broker can restore the claim when that has expired.

        Raises:
            UnavailableError: the broker did not respond.
        """
        held = await self._read_name(key)
        if held is None or held.user_id is None or await self._holder_exists(held.user_id, key):
            return
        with suppress(ConflictError):
            (seq,) = await self._writer.write(_release(key, held.seq))
            self.index.put_name(key, None, seq)

    async def _store(self, change: Change, expected: int) -> int:
        member = change.member
        record = Write(
            member_subject(member.user.id),
            encode(member.stored()),
            expected=expected,
            ttl=self._ttl_of(member),
            replaces=True,
        )
        claims = {} if change.name is NameClaimChange.KEEP else await self._claims(change)
        try:
            seq, *claim_seqs = await self._writer.write(record, *claims.values())
        except ConflictError:
            self._conflicts.add()
            raise
        holder = member.user.id if change.name is NameClaimChange.CLAIM else None
        for key, claim_seq in zip(claims, claim_seqs, strict=True):
            self.index.put_name(key, holder, claim_seq)
        self.index.put_member(member, seq)
        self._projection.changed.set()
        return seq

    async def _claims(self, change: Change) -> dict[str, Write]:
        """Return the writes that claim or release the keys of the name.

        Raises:
            FaultError: ``name_taken``.
        """
        user = change.member.user
        keys = name_keys(user.name)
        held = dict(zip(keys, await asyncio.gather(*map(self._read_name, keys)), strict=True))
        if change.name is NameClaimChange.RELEASE:
            return {
                key: _release(key, entry.seq)
                for key, entry in held.items()
                if entry is not None and entry.user_id == user.id
            }
        for key, entry in held.items():
            if await self._held_by_another(key, entry, user.id):
                raise refuse(ErrorCode.NAME_TAKEN, f"The name {user.name!r} is already taken.", field="name")
        return {key: _claim(key, user.id, entry) for key, entry in held.items()}

    async def claim_all_keys(self, user_id: str) -> None:
        """Claim the keys that a member's name has in this release only; keys that others hold stay theirs.

        An older release claims the first key only, so its members get the others from here.

        Raises:
            UnavailableError: the broker did not respond.
        """
        member, _ = await self._read_member(user_id)
        if member is not None and member.status is not MemberStatus.AWAY:
            for key in name_keys(member.user.name):
                held = await self._read_name(key)
                if (held is not None and held.user_id == user_id) or await self._held_by_another(
                    key, held, user_id
                ):
                    continue
                with suppress(ConflictError):
                    (seq,) = await self._writer.write(_claim(key, user_id, held))
                    self.index.put_name(key, user_id, seq)
        self.index.checked(user_id)

    async def _held_by_another(self, key: str, held: NameEntry | None, user_id: str) -> bool:
        if held is None or held.user_id in {None, user_id}:
            return False
        return await self._holder_exists(held.user_id, key)

    async def _holder_exists(self, user_id: str | None, key: str) -> bool:
        """Whether the holder of a claim exists and uses the name; an orphaned claim must not block it."""
        if user_id is None:
            return False
        holder, _ = await self._read_member(user_id)
        return (
            holder is not None
            and holder.status is not MemberStatus.AWAY
            and key in name_keys(holder.user.name)
        )

    def _ttl_of(self, member: Member) -> int | None:
        if member.status is not MemberStatus.AWAY:
            return None
        life = self._token_life if member.dialect.has_tokens else _AWAY_WITHOUT_TOKEN
        return max(1, int(life.total_seconds()))  # the broker takes 0 as "never expires"

    async def _read_member(self, user_id: str) -> tuple[Member | None, int]:
        """Read the record from the stream, with its sequence; if it is malformed, use the last known one."""
        stored = await self._reader.last(member_subject(user_id))
        if stored is None:
            self.index.drop_member(user_id)
            return None, 0
        read = self._projection.apply_record(stored)
        if read is not None:
            return read, stored.seq  # the index has an older stream's record until it has been built again
        entry = self.index.member(user_id)
        return None if entry is None else entry.member, stored.seq

    async def _read_name(self, key: str) -> NameEntry | None:
        stored = await self._reader.last(name_subject(key))
        if stored is None:
            self.index.drop_name(key)
            return None
        self._projection.apply_record(stored)
        try:
            return NameEntry(NAME_CLAIM.read(stored.data).user_id, stored.seq)
        except ContractError:
            entry = self.index.name(key)
            return NameEntry(None if entry is None else entry.user_id, stored.seq)
