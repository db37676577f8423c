"""Handlers of reactions and pins: events that add to a message, and are stored only if they change something.

What the events before say is read from the index. An event is stored under the condition that it still holds:
that neither the message nor its reactions have changed since, or that no pin of the room has.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakValueDictionary

from opsroom_chat.changes.people import People
from opsroom_chat.domain.changes import Readable, place_of, readable
from opsroom_chat.domain.reactions import changed_pin, changed_reaction
from opsroom_chat.log.append import StoredError
from opsroom_chat.log.keys import message_key, pin_key, pins_key, reactions_key
from opsroom_chat.log.message_log import MessageLog, NewEvent
from opsroom_chat.log.room_details import RoomDetails
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.messages.store import MessageStore
from opsroom_contracts.chat.events import PinChanged, ReactionChanged
from opsroom_contracts.chat.models import PINS_MAX, PinRequest, ReactRequest, SendReply, User
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import pins_subject

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class _Known:
    """A message as it was when a decision about it began."""

    event: Readable
    seq: int

    @property
    def place(self) -> int:
        return place_of(self.event, self.seq)


@dataclass(frozen=True, slots=True)
class _Target:
    """What an event changes.

    Attributes:
        key: what the event is the last one of.
        others: keys that must not change until it is stored.
        subject: where it is stored, if not with the message.
    """

    key: bytes
    others: tuple[bytes, ...] = ()
    subject: str | None = None


Request = ReactRequest | PinRequest
Decision = Callable[[_Known], Awaitable[ReactionChanged | PinChanged | None]]
"""Returns the event to store, or None if nothing has to change."""


class Reactions:
    """Handlers of ``chat.react`` and ``chat.pin``."""

    def __init__(
        self,
        store: MessageStore,
        messages: MessageLog,
        details: RoomDetails,
        people: People,
        *,
        clock: Clock,
    ) -> None:
        self._store = store
        self._log = messages
        self._details = details
        self._people = people
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def react(self, request: ReactRequest) -> SendReply:
        """Add a reaction, or take it back.

        Raises:
            FaultError: ``message_unknown``; ``invalid_request``: the message has too many different emoji;
                ``unavailable`` after too many conflicts; as ``People.may_send``.
            UnavailableError: the broker did not respond, or the index is being built.
        """
        user, members_seq = await self._people.may_send(request.user_id, request.room)
        target = _Target(reactions_key(request.room, request.id))

        async def decide(known: _Known) -> ReactionChanged | None:
            there = await self._details.reactions(request.room, known.place, user.id)
            return changed_reaction(there, request, user, (known.place, members_seq), self._clock())

        return await self._change(request, target, decide)

    async def pin(self, request: PinRequest) -> SendReply:
        """Pin a message, or unpin it.

        Raises:
            FaultError: ``message_unknown``; ``invalid_request``: the room has too many pinned messages;
                ``unavailable`` after too many conflicts; as ``People.may_send``.
            UnavailableError: the broker did not respond, or the index is being built.
        """
        user, members_seq = await self._people.may_send(request.user_id, request.room)
        keys = pin_key(request.room, request.id), pins_key(request.room)
        target = _Target(keys[0], keys[1:], pins_subject(request.room))

        async def decide(known: _Known) -> PinChanged | None:
            await self._details.catch_up(request.room)
            places = {one.place for one in await self._details.pinned(request.room)}
            if request.on and len(places) >= PINS_MAX:
                # A message that was removed while it was pinned does not count.
                places = await self._details.existing(request.room, sorted(places))
            return changed_pin(places, request, user, (known.place, members_seq), self._clock())

        async with self._lock(f"{request.room}/pins"):
            return await self._change(request, target, decide)

    async def pin_imported(
        self, room: str, message_id: str, by: User, *, at: datetime, members_seq: int | None
    ) -> bool:
        """Pin a message as an import says, and return whether this has stored the pin.

        A message that was pinned before stays as it is now, also if somebody has unpinned it. One that is
        not here any more, or that would be one pin too many, is not pinned.

        Raises:
            FaultError: ``unavailable`` after too many conflicts.
            UnavailableError: the broker did not respond, or the index is being built.
        """
        keys = pin_key(room, message_id), pins_key(room)
        target = _Target(keys[0], keys[1:], pins_subject(room))
        request = PinRequest(user_id=by.id, client_id="import", room=room, id=message_id)

        async def decide(known: _Known) -> PinChanged | None:
            if self._log.last(target.key) is not None:
                return None
            await self._details.catch_up(room)
            places = {one.place for one in await self._details.pinned(room)}
            if len(places) >= PINS_MAX:
                return None
            return changed_pin(places, request, by, (known.place, members_seq), at)

        async with self._lock(f"{room}/pins"):
            try:
                reply = await self._change(request, target, decide)
            except FaultError as error:
                if error.fault.code is not ErrorCode.MESSAGE_UNKNOWN:
                    raise
                return False
        return not reply.duplicate

    async def _change(self, request: Request, target: _Target, decide: Decision) -> SendReply:
        message = message_key(request.room, request.id)
        async with self._lock(f"{request.room}/{request.id}"):
            for _ in range(_ATTEMPTS):
                subjects = () if target.subject is None else (target.subject,)
                await self._log.refresh(request.room, request.id, *subjects)
                expected = self._log.last(target.key)
                others = tuple((one, self._log.last(one)) for one in target.others)
                last = await self._store.last(request.room, request.id)
                known = _Known(readable(last.event), last.seq)
                event = await decide(known)
                if event is None:
                    timestamp = last.event.timestamp
                    return SendReply(seq=last.seq, id=request.id, timestamp=timestamp, duplicate=True)
                new = NewEvent(
                    request.room,
                    request.id,
                    encode(event),
                    expected=expected,
                    key=target.key,
                    conditions=((message, last.seq), *others),
                    subject=target.subject,
                )
                try:
                    (seq,) = await self._log.append(new)
                except StoredError:
                    continue  # somebody else has changed it meanwhile
                return SendReply(seq=seq, id=request.id, timestamp=event.timestamp)
        raise refuse(ErrorCode.UNAVAILABLE, "this message is being changed by other requests; try again")

    def _lock(self, name: str) -> asyncio.Lock:
        """Return a lock, so that the requests of one process don't make each other try again."""
        return self._locks.setdefault(name, asyncio.Lock())
