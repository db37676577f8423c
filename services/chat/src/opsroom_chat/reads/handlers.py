"""Handlers of read positions."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from opsroom_chat.domain import reads as rules
from opsroom_chat.members.person_records import PersonRecords
from opsroom_chat.reads.paced_reads import PacedReads
from opsroom_chat.reads.unread import UnreadCounter
from opsroom_contracts import endpoints
from opsroom_contracts.chat.reads import (
    ReadPosition,
    ReadPositions,
    ReadRequest,
    RoomUnread,
    Unread,
    UnreadRequest,
)
from opsroom_contracts.chat.room_index import RoomIndex
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.subjects import is_created_room
from opsroom_messaging.client.microservice import MicroService

_ROOMS_PER_TURN = 4
"""After this many rooms, other requests get a turn: a room with many unread messages takes a millisecond."""


class ReadHandlers:
    """Handlers of ``chat.read`` and ``chat.unread``."""

    def __init__(
        self,
        store: PersonRecords[ReadPositions],
        counter: UnreadCounter,
        *,
        index: Callable[[], RoomIndex],
        open_rooms: Collection[str],
        catch_up: Callable[[], Awaitable[int]],
    ) -> None:
        """``catch_up`` waits until ``index`` has all memberships that were stored before the call."""
        self._store = store
        self._counter = counter
        self._index = index
        self._open = sorted(open_rooms)
        self._catch_up = catch_up
        self._paced = PacedReads(self._change)

    def register(self, service: MicroService) -> None:
        """Add the handlers to ``service``."""
        service.add(endpoints.READ, self.read)
        service.add(endpoints.UNREAD, self.unread)

    async def close(self) -> None:
        """Stop storing positions."""
        await self._paced.close()

    async def read(self, request: ReadRequest) -> Unread:
        """Store positions, and reply with what is unread in these rooms.

        Raises:
            FaultError: ``room_unknown``: not a member; ``invalid_request``: a position that doesn't exist.
            UnavailableError: the broker did not reply, or this process is too far behind.
        """
        epoch = self._counter.epoch
        rooms = await self._rooms(request.user_id, request.positions)
        await self._counter.reach(max(request.positions.values()), "positions")
        await self._paced.put(request.user_id, request.positions)
        return await self._unread(request.user_id, rooms, epoch)

    async def unread(self, request: UnreadRequest) -> Unread:
        """Count what a person has not read.

        Raises:
            FaultError: ``room_unknown``; ``invalid_request``: ``at_least`` doesn't exist.
            UnavailableError: as ``read``.
        """
        epoch = self._counter.epoch
        rooms = await self._rooms(request.user_id, request.rooms)
        await self._counter.reach(request.at_least, "atLeast")
        return await self._unread(request.user_id, rooms, epoch)

    async def _rooms(self, user_id: str, wanted: Collection[str] | None) -> Mapping[str, int | None]:
        """Return the rooms of a person, and the sequences at which they joined them, if these are known."""
        if wanted is None or any(map(is_created_room, wanted)):
            await self._catch_up()
        joined = self._joined(user_id)
        if wanted is None:
            return joined
        for room in wanted:
            if room not in joined:
                message = f"there is no room {room!r} that you are in"
                raise refuse(ErrorCode.ROOM_UNKNOWN, message, field="room")
        return {room: joined[room] for room in wanted}

    async def rooms_of(self, user_id: str) -> Mapping[str, int | None]:
        """Return the rooms of a person, and the sequences at which they joined them, if these are known.

        Raises:
            UnavailableError: this process is too far behind.
        """
        return await self._rooms(user_id, None)

    def _joined(self, user_id: str) -> Mapping[str, int | None]:
        person = self._index().person(user_id)
        rooms = {} if person is None else person.rooms
        memberships = {room: rules.joined_at(one, self._counter.epoch) for room, one in rooms.items()}
        return {**dict.fromkeys(self._open), **memberships}

    async def _unread(self, user_id: str, rooms: Mapping[str, int | None], epoch: str | None) -> Unread:
        """Count what is unread, all of it in one ``epoch``."""
        record = await self._store.find(user_id)
        known = await self._existing(rules.current(record.value, epoch))
        end = await self._counter.end_before(max((seq or 0 for seq in rooms.values()), default=0))
        as_of = await self._counter.reach(0, "atLeast")
        counted: list[RoomUnread] = []
        for room, joined in rooms.items():
            position = known.get(room)
            since = joined if end is None or joined is None or joined <= end else None
            places = [one for one in (since, None if position is None else position.seq) if one is not None]
            counted.append(self._count(user_id, room, max(places, default=None), as_of))
            if len(counted) % _ROOMS_PER_TURN == 0:
                await asyncio.sleep(0)
        self._counter.check_epoch(epoch)
        return Unread(as_of=as_of, epoch=epoch, rooms=tuple(counted))

    def _count(self, user_id: str, room: str, read: int | None, as_of: int) -> RoomUnread:
        counts = self._counter.count(room, read, as_of, user_id)
        return RoomUnread(
            room=room, read=read, unread=counts.unread, mentions=counts.mentions, last=counts.last
        )

    async def _change(self, user_id: str, positions: Mapping[str, int]) -> None:
        """Store the positions that are higher than before, and what is unread after them."""
        joined, epoch = self._joined(user_id), self._counter.epoch
        as_of = await self._counter.reach(0, "positions")
        positions = {room: seq for room, seq in positions.items() if seq <= as_of}  # more: of an older epoch

        async def decide(record: ReadPositions | None) -> ReadPositions | None:
            before = await self._existing(rules.current(record, epoch))
            raised = rules.raised(before, positions)
            if not raised:
                return None
            after = {room: self._position(user_id, room, seq, as_of) for room, seq in raised.items()}
            return ReadPositions(user_id=user_id, epoch=epoch, rooms=rules.stored(before, after, joined))

        await self._store.change(user_id, decide)

    async def _existing(self, positions: Mapping[str, ReadPosition]) -> Mapping[str, ReadPosition]:
        """Return ``positions`` without those after the end of the stream: it was restored alone."""
        end = await self._counter.end_before(max((one.seq for one in positions.values()), default=0))
        return positions if end is None else rules.existing(positions, end)

    def _position(self, user_id: str, room: str, seq: int, as_of: int) -> ReadPosition:
        counts = self._counter.count(room, seq, as_of, user_id)
        return ReadPosition(
            seq=seq,
            unread=counts.unread,
            mentions=counts.mentions,
            as_of=as_of if counts.unread else None,
        )
