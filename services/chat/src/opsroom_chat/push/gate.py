"""The last check before a push is sent: with what is true now, not when the message was stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from opsroom_chat.domain import following, reads
from opsroom_chat.domain import notifying as rules
from opsroom_chat.members.person_records import PersonRecords
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.members.repository import MemberRepository
from opsroom_chat.messages.store import MessageStore
from opsroom_chat.push.recipients import CurrentMessage, Recipients
from opsroom_chat.reads.unread import UnreadCounter
from opsroom_chat.rooms.catch_up import CatchUp
from opsroom_contracts.chat.events import MESSAGE_STATE, MessageEvent, MessageRemoved
from opsroom_contracts.chat.models import Member
from opsroom_contracts.chat.notifications import PUSH_TEXT_MAX, PushDevice
from opsroom_contracts.chat.reads import ReadPositions
from opsroom_contracts.chat.threads import FollowedThreads, ThreadPosition
from opsroom_contracts.identity import Grant, granted_identity
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.text import clip
from opsroom_messaging.errors import UnavailableError

_ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True)
class Pushable:
    """A message that was stored at ``seq`` and at this time."""

    event: MessageEvent
    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be pushed: the text as it is now, the devices, and what is unread in the room, if known."""

    text: str
    devices: tuple[PushDevice, ...]
    unread: int | None


@dataclass(frozen=True, slots=True)
class PushReaders:
    """What the check reads."""

    members: MemberRepository
    messages: MessageStore
    reads: PersonRecords[ReadPositions]
    follows: PersonRecords[FollowedThreads]
    unread: UnreadCounter
    catch_up: CatchUp


class Gate:
    """Checks membership, devices, bans, quiet hours and positions, and whether the message is still there."""

    def __init__(self, recipients: Recipients, readers: PushReaders, clock: Clock) -> None:
        self._recipients = recipients
        self._from = readers
        self._clock = clock

    async def check(self, message: Pushable, user_id: str) -> Allowed | str:
        """Return what may be pushed to a person, or why nothing may.

        Raises:
            UnavailableError: the broker did not reply, or this process is too far behind.
        """
        await self._from.catch_up()
        current = await self._current(message.event)
        if current is None:
            return "removed"
        reason = self._recipients.reason(current, user_id)
        thread = None if reason is None else await self._thread(user_id, current)
        is_shown = current.thread is None or bool(current.broadcast)
        is_followed = thread is not None and thread.following
        if reason is None or (rules.needs_following(reason, is_shown=is_shown) and not is_followed):
            return "unwanted"
        settings = self._from.members.index.notifications.settings(user_id)
        if rules.is_quiet(settings.quiet, self._clock()):
            return "quiet"
        read = await self._read_up_to(user_id, current.room)
        if max(read or 0, 0 if thread is None else thread.read) >= message.seq:
            return "read"
        # Who turns pushes on does not get what was there before.
        devices = tuple(one for one in await self._devices(user_id) if one.at <= message.at)
        if not devices:
            return "signed_out"
        after = message.seq - 1 if read is None else read
        return Allowed(_excerpt(current), devices, self._unread(current.room, after, user_id))

    async def _current(self, event: MessageEvent) -> CurrentMessage | None:
        """Return the message as it is now; None: it was removed."""
        stored = await self._from.messages.find(event.room, event.id)
        if stored is None:
            return None
        try:
            state = MESSAGE_STATE.read(stored.data)
        except ContractError:
            return None
        return None if isinstance(state, MessageRemoved) else state

    async def _read_up_to(self, user_id: str, room: str) -> int | None:
        record = await self._from.reads.find(user_id)
        position = reads.current(record.value, self._from.unread.epoch).get(room)
        return None if position is None else position.seq

    async def _thread(self, user_id: str, message: CurrentMessage) -> ThreadPosition | None:
        """Return up to where a person has read the thread of a reply; None: they have never followed it."""
        if message.thread is None:
            return None
        record = await self._from.follows.find(user_id)
        unread = self._from.unread
        known = following.current(record.value, unread.epoch, await unread.end())
        return known.get(message.thread)

    async def _devices(self, user_id: str) -> tuple[PushDevice, ...]:
        """Return the devices of a person that are signed in at this moment."""
        known = self._from.members.index.notifications.devices(user_id)
        if not known:
            return ()
        return await self.signed_in(user_id, known)

    async def signed_in(self, user_id: str, devices: tuple[PushDevice, ...]) -> tuple[PushDevice, ...]:
        """Return those of ``devices`` that are signed in, unless the person is banned.

        Raises:
            UnavailableError: the broker did not reply.
        """
        member = await self._from.members.find(user_id, lambda _: True)
        if member is None or self._is_banned(member):
            return ()
        return still_signed_in(devices, member, self._clock())

    async def exists(self, user_id: str) -> bool:
        """Whether the stream has a record of a person.

        Raises:
            UnavailableError: the broker did not reply.
        """
        return await self._from.members.find(user_id, lambda _: True) is not None

    def _is_banned(self, member: Member) -> bool:
        """Whether a person is banned now."""
        restrictions = self._from.members.index.restrictions
        identity = granted_identity(member.grant)
        return restrictions.ban_of(member.user.name, self._clock(), identity) is not None

    def _unread(self, room: str, after: int, user_id: str) -> int | None:
        head = self._from.unread.head
        if head is None:
            return None
        try:
            return self._from.unread.count(room, after, head, user_id).unread
        except UnavailableError:
            return None


def still_signed_in(devices: tuple[PushDevice, ...], member: Member, now: datetime) -> tuple[PushDevice, ...]:
    """Return those of ``devices`` whose tokens are valid."""
    found = {one.token_hash: one.grant for one in member.all_devices()}
    return tuple(
        one for one in devices if one.token_hash in found and not _has_ended(found[one.token_hash], now)
    )


def _has_ended(grant: Grant | None, now: datetime) -> bool:
    return grant is not None and grant.until is not None and now >= grant.until


def _excerpt(message: CurrentMessage) -> str:
    text = " ".join(message.text.split())
    if not text and message.files:
        text = message.files[0].name
    return text if len(text) <= PUSH_TEXT_MAX else clip(text, PUSH_TEXT_MAX - 1) + _ELLIPSIS
