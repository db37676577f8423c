"""Handlers of rooms and memberships."""

from collections.abc import Awaitable, Callable, Iterable

from opsroom_chat.domain import rooms as rules
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.reads.unread import StreamPlace
from opsroom_chat.rooms.room_store import Plan, RoomStore, Stored
from opsroom_contracts import endpoints
from opsroom_contracts.chat.rooms import (
    AddMembersRequest,
    ChangeRoomRequest,
    CreateRoomRequest,
    DirectRequest,
    ExpelRequest,
    JoinRoomRequest,
    LeaveRoomRequest,
    Membership,
    MembershipReply,
    PersonRooms,
    Room,
    RoomAccessReply,
    RoomAccessRequest,
    RoomKind,
    RoomMember,
    RoomMembersReply,
    RoomMembersRequest,
    RoomReply,
    RoomRole,
    RoomsReply,
    RoomsRequest,
    RoomView,
)
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_messaging.client.microservice import MicroService

_SMALL_ROOM = 2
"""Up to this many members, all may leave while somebody is added."""
WaitFor = Callable[[int], Awaitable[object]]
"""Waits until this process has seen a sequence of ``MEMBERS``, or too long."""


class RoomHandlers:
    """Handlers of the requests about rooms. All are idempotent: a repeat changes nothing."""

    def __init__(
        self,
        store: RoomStore,
        *,
        open_rooms: frozenset[str],
        clock: Clock,
        seen: WaitFor,
        head: Callable[[], StreamPlace],
    ) -> None:
        """``head``: the last sequence of ``CHAT`` and its epoch, if they are known."""
        self._store = store
        self._head = head
        self._open = {room: Room(id=room, kind=RoomKind.OPEN, name=room) for room in sorted(open_rooms)}
        self._clock = clock
        self._seen = seen

    def register(self, service: MicroService) -> None:
        """Add the handlers to ``service``."""
        service.add(endpoints.CREATE_ROOM, self.create)
        service.add(endpoints.CHANGE_ROOM, self.change)
        service.add(endpoints.DIRECT, self.direct)
        service.add(endpoints.JOIN_ROOM, self.join)
        service.add(endpoints.LEAVE_ROOM, self.leave)
        service.add(endpoints.ADD_MEMBERS, self.invite)
        service.add(endpoints.EXPEL, self.expel)
        service.add(endpoints.ROOMS, self.rooms)
        service.add(endpoints.ROOM_MEMBERS, self.members)
        service.add(endpoints.ROOM_ACCESS, self.access)

    async def create(self, request: CreateRoomRequest) -> RoomReply:
        """Create a room, with its creator as its owner.

        Raises:
            FaultError: ``name_invalid``, ``name_taken``, ``user_unknown``; ``invalid_request``: too many
                rooms.
        """
        room_id, name = rules.room_id(request.user_id, request.client_id), rules.clean_room_name(request.name)
        kind = RoomKind.PRIVATE if request.private else RoomKind.PUBLIC

        async def decide() -> Plan[RoomReply]:
            existing = await self._store.room(room_id)
            if existing is not None:
                return Plan(lambda _: RoomReply(room=existing.record, seq=existing.seq))
            self._check_not_open(name)
            person, claim = (
                await self._store.person(request.user_id),
                await self._store.free_name(name, room_id),
            )
            now = self._clock()
            room = rules.new_room(room_id, kind, name, request.description, person.record.user, now)
            owner = rules.joined(person.record, room_id, self._membership(RoomRole.OWNER))
            return Plan(
                lambda seq: RoomReply(room=room, seq=seq),
                people=(Stored(owner, person.seq),),
                rooms=(Stored(room, 0),),
                claim=_claimed(room, claim),
            )

        return await self._store.change(decide)

    async def direct(self, request: DirectRequest) -> RoomReply:
        """Return the direct room of these people; create it unless it exists.

        Raises:
            FaultError: ``user_unknown``; ``invalid_request``: nobody else, or too many people or rooms.
        """
        users = rules.direct_users(request.user_id, request.users)
        room_id = rules.direct_id(users)

        async def decide() -> Plan[RoomReply]:
            existing = await self._store.room(room_id)
            if existing is not None:
                return Plan(lambda _: RoomReply(room=existing.record, seq=existing.seq))
            people, now = await self._store.people(users), self._clock()
            by = next(one.record.user for one in people if one.record.user.id == request.user_id)
            room = rules.new_room(room_id, RoomKind.DIRECT, None, None, by, now)
            joined = [
                Stored(rules.joined(one.record, room_id, self._membership()), one.seq) for one in people
            ]
            return Plan(
                lambda seq: RoomReply(room=room, seq=seq), people=tuple(joined), rooms=(Stored(room, 0),)
            )

        return await self._store.change(decide)

    async def change(self, request: ChangeRoomRequest) -> RoomReply:
        """Rename, describe or archive a room, or open an archived one again.

        Raises:
            FaultError: ``room_unknown``, ``forbidden``, ``name_invalid``, ``name_taken``.
        """
        name = None if request.name is None else rules.clean_room_name(request.name)

        async def decide() -> Plan[RoomReply]:
            stored, person = await self._room_of(request.room, request.user_id)
            membership = person.record.rooms.get(request.room)
            rules.check_may_change(stored.record, membership, moderator=request.moderator)
            room = rules.changed(
                stored.record, name=name, description=request.description, archived=request.archived
            )
            if room == stored.record:
                return Plan(lambda _: RoomReply(room=room, seq=stored.seq))
            claim = None
            if room.name is not None and not room.archived:
                self._check_not_open(room.name)
                claim = _claimed(room, await self._store.free_name(room.name, room.id))
            return Plan(
                lambda seq: RoomReply(room=room, seq=seq), rooms=(Stored(room, stored.seq),), claim=claim
            )

        return await self._store.change(decide)

    async def join(self, request: JoinRoomRequest) -> MembershipReply:
        """Join a public room. Who joins a room that everybody has left is its owner.

        Raises:
            FaultError: ``room_unknown``, ``user_unknown``, ``forbidden``; ``invalid_request``: too many.
        """

        async def decide() -> Plan[MembershipReply]:
            stored, person = await self._room_of(request.room, request.user_id)
            if request.room in person.record.rooms:
                return Plan(lambda _: MembershipReply(seq=0))
            rules.check_may_join(stored.record)
            await self._seen(stored.seq)
            role = rules.role_of_joiner(self._store.index.members(request.room))
            member = rules.joined(person.record, request.room, self._membership(role))
            return _plan_of(((person, member),), self._guard(stored))

        return await self._store.change(decide)

    async def invite(self, request: AddMembersRequest) -> MembershipReply:
        """Add people to a room.

        Raises:
            FaultError: ``room_unknown``, ``user_unknown``, ``forbidden``, ``invalid_request``: one of them is
                in too many rooms. Then nobody is added.
        """

        async def decide() -> Plan[MembershipReply]:
            stored, person = await self._room_of(request.room, request.user_id)
            rules.check_may_invite(stored.record, person.record.rooms.get(request.room))
            people = await self._store.people(dict.fromkeys(request.users))
            joined = (rules.joined(one.record, request.room, self._membership()) for one in people)
            return _plan_of(zip(people, joined, strict=True), self._guard(stored))

        return await self._store.change(decide)

    async def leave(self, request: LeaveRoomRequest) -> MembershipReply:
        """Leave a room.

        Raises:
            FaultError: ``room_unknown``, ``user_unknown``, ``forbidden``: nobody can leave it.
        """

        async def decide() -> Plan[MembershipReply]:
            stored, person = await self._room_of(request.room, request.user_id)
            if not rules.may_see(stored.record, person.record.rooms.get(request.room)):
                raise rules.unknown(request.room)
            rules.check_may_leave(stored.record)
            return await self._departure(stored, person)

        return await self._store.change(decide)

    async def expel(self, request: ExpelRequest) -> MembershipReply:
        """Remove a member.

        Raises:
            FaultError: ``room_unknown``, ``user_unknown``, ``forbidden``.
        """

        async def decide() -> Plan[MembershipReply]:
            stored, person = await self._room_of(request.room, request.user_id)
            membership = person.record.rooms.get(request.room)
            rules.check_may_change(stored.record, membership, moderator=request.moderator)
            return await self._departure(stored, await self._store.person(request.user, "user"))

        return await self._store.change(decide)

    async def rooms(self, request: RoomsRequest) -> RoomsReply:
        """Return a page of the rooms that a person may see, as delivered to this process so far."""
        index, user_id, after = self._store.index, request.user_id or "", request.after or ""
        visible = [
            room
            for room in (*self._open.values(), *index.rooms())
            if room.id > after and rules.may_see(room, index.membership(user_id, room.id))
        ]
        visible.sort(key=lambda room: room.id)
        shown = tuple(self._view(room, user_id) for room in visible[: request.limit])
        return RoomsReply(rooms=shown, next=shown[-1].room.id if len(visible) > request.limit else None)

    async def members(self, request: RoomMembersRequest) -> RoomMembersReply:
        """Return a page of the members of a room.

        Raises:
            FaultError: ``room_unknown``, ``user_unknown``; ``forbidden``: everybody is in the room.
        """
        stored, person = await self._room_of(request.room, request.user_id)
        if not rules.may_see(stored.record, person.record.rooms.get(request.room)):
            raise rules.unknown(request.room)
        await self._seen(max(stored.seq, person.seq))
        index, after = self._store.index, request.after or ""
        found = sorted(user_id for user_id in index.members(request.room) if user_id > after)
        people = [index.person(user_id) for user_id in found[: request.limit]]
        shown = tuple(_member(one, request.room) for one in people if one is not None)
        return RoomMembersReply(members=shown, next=shown[-1].user.id if len(found) > request.limit else None)

    async def access(self, request: RoomAccessRequest) -> RoomAccessReply:
        """Return who may read a room, from its record as it is now.

        Raises:
            FaultError: ``room_unknown``.
            UnavailableError: the broker did not respond.
        """
        if request.room in self._open:
            return RoomAccessReply(kind=RoomKind.OPEN, member=True)
        stored = await self._store.room(request.room)
        if stored is None:
            raise rules.unknown(request.room)
        if request.user_id is None:
            return RoomAccessReply(kind=stored.record.kind, member=False)
        try:
            person = await self._store.person(request.user_id)
        except FaultError:
            return RoomAccessReply(kind=stored.record.kind, member=False)
        return RoomAccessReply(kind=stored.record.kind, member=request.room in person.record.rooms)

    async def _room_of(self, room: str, user_id: str) -> tuple[Stored[Room], Stored[PersonRooms]]:
        """Read a room that is not open, and the rooms of a person."""
        if room in self._open:
            raise refuse(ErrorCode.FORBIDDEN, "everybody is in this room, always", field="room")
        stored = await self._store.room(room)
        if stored is None:
            raise rules.unknown(room)
        return stored, await self._store.person(user_id)

    async def _departure(self, room: Stored[Room], person: Stored[PersonRooms]) -> Plan[MembershipReply]:
        """Plan that a person leaves. The room keeps an owner.

        The room's record is stored again, unchanged: of two owners who leave at once, the second one decides
        again when the first has left.
        """
        left = rules.left(person.record, room.record.id)
        if left == person.record:
            return Plan(lambda _: MembershipReply(seq=0))
        people = [Stored(left, person.seq)]
        if person.record.rooms[room.record.id].role is not RoomRole.OWNER:
            return Plan(lambda seq: MembershipReply(seq=seq), people=tuple(people))
        heir = await self._heir(room, person.record.user.id)
        if heir is not None:
            people.append(Stored(rules.promoted(heir.record, room.record.id), heir.seq))
        return Plan(
            lambda seq: MembershipReply(seq=seq),
            people=tuple(people),
            rooms=(Stored(room.record, room.seq),),
        )

    async def _heir(self, room: Stored[Room], leaving: str) -> Stored[PersonRooms] | None:
        """Return the member who becomes the owner; None: an owner or nobody stays.

        The index may still have members who have left by another process, so their records are read.
        """
        await self._seen(room.seq)
        members = dict(self._store.index.members(room.record.id))
        while (user_id := rules.next_owner(members, leaving)) is not None:
            heir = await self._store.person(user_id)
            if room.record.id in heir.record.rooms:
                return heir
            del members[user_id]
        return None

    def _guard(self, room: Stored[Room]) -> tuple[Stored[Room], ...]:
        """Return what to store again, unchanged, with somebody who is added to a small room.

        Its last owner may leave at the same time, and would not see the new member, who must then become the
        owner. In a larger room there is another heir.
        """
        return (room,) if len(self._store.index.members(room.record.id)) <= _SMALL_ROOM else ()

    def _membership(self, role: RoomRole = RoomRole.MEMBER) -> Membership:
        seq, epoch = self._head()
        return Membership(role=role, joined_at=to_milliseconds(self._clock()), seq=seq, epoch=epoch)

    def _check_not_open(self, name: str) -> None:
        if any(rules.name_key(name) == rules.name_key(room) for room in self._open):
            raise refuse(ErrorCode.NAME_TAKEN, f"There is a room {name!r} already.", field="name")

    def _view(self, room: Room, user_id: str) -> RoomView:
        if room.kind is RoomKind.OPEN:
            return RoomView(room=room)
        return self._store.index.view(room, user_id)


def _claimed(room: Room, replaced: int) -> Stored[Room] | None:
    """Return the claim of a room on its name.

    Names of private rooms are not claimed: that a name is taken would reveal that the room exists.
    """
    return Stored(room, replaced) if room.kind is RoomKind.PUBLIC else None


def _plan_of(
    changes: Iterable[tuple[Stored[PersonRooms], PersonRooms]], rooms: tuple[Stored[Room], ...]
) -> Plan[MembershipReply]:
    people = tuple(
        Stored(after, before.seq) for before, after in changes if after.rooms != before.record.rooms
    )
    return Plan(lambda seq: MembershipReply(seq=seq), people=people, rooms=rooms if people else ())


def _member(person: PersonRooms, room: str) -> RoomMember:
    membership = person.rooms[room]
    return RoomMember(user=person.user, role=membership.role, joined_at=membership.joined_at)
