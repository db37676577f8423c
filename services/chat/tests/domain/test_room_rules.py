"""The rules of rooms and memberships, as a state machine beside a model of sets."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from opsroom_chat.domain import rooms as rules
from opsroom_contracts.chat.models import User
from opsroom_contracts.chat.rooms import Membership, PersonRooms, Room, RoomKind, RoomRole
from opsroom_contracts.errors import ErrorCode, FaultError

NOW = datetime(2026, 11, 30, tzinfo=UTC)
USERS = tuple(User(id=f"u{number}", name=f"User {number}") for number in range(5))
KINDS = (RoomKind.PUBLIC, RoomKind.PRIVATE, RoomKind.DIRECT)
people, rooms = st.sampled_from([user.id for user in USERS]), st.sampled_from(KINDS)


class RoomMachine(RuleBasedStateMachine):
    """One room of each kind, as the handlers compose the rules; ``members``: the model, roles by person."""

    @initialize()
    def create(self) -> None:
        self.clock = NOW
        self.people = {user.id: PersonRooms(user=user) for user in USERS}
        self.rooms = {
            kind: rules.new_room(f"r-{kind}", kind, "Name", " About ", USERS[0], NOW) for kind in KINDS
        }
        self.members: dict[RoomKind, dict[str, RoomRole]] = {
            RoomKind.PUBLIC: {"u0": RoomRole.OWNER},
            RoomKind.PRIVATE: {"u0": RoomRole.OWNER},
            RoomKind.DIRECT: {"u0": RoomRole.MEMBER, "u1": RoomRole.MEMBER},
        }
        for kind, members in self.members.items():
            for user_id, role in members.items():
                self._add(user_id, self.rooms[kind], role)

    @rule(user=people, kind=rooms)
    def join(self, user: str, kind: RoomKind) -> None:
        room = self.rooms[kind]
        refused = None if user in self.members[kind] else self._refusal(lambda: rules.check_may_join(room))
        hidden = kind is not RoomKind.PUBLIC and user not in self.members[kind]
        if hidden:
            assert refused is ErrorCode.ROOM_UNKNOWN, "nobody learns that there is such a room"
        elif user not in self.members[kind]:
            assert (refused is ErrorCode.FORBIDDEN) == room.archived
        if refused is None:
            role = rules.role_of_joiner(self._stored(room))
            assert (role is RoomRole.OWNER) == (not self.members[kind])
            self.members[kind].setdefault(user, role)
            self._add(user, room, role)

    @rule(user=people, guest=people, kind=rooms)
    def invite(self, user: str, guest: str, kind: RoomKind) -> None:
        room = self.rooms[kind]
        refused = self._refusal(lambda: rules.check_may_invite(room, self._of(user, room)))
        may = user in self.members[kind] and kind is not RoomKind.DIRECT and not room.archived
        assert (refused is None) == may
        if refused is None:
            self.members[kind].setdefault(guest, RoomRole.MEMBER)
            self._add(guest, room, RoomRole.MEMBER)

    @rule(user=people, kind=rooms)
    def leave(self, user: str, kind: RoomKind) -> None:
        room = self.rooms[kind]
        if self._refusal(lambda: rules.check_may_leave(room)) is None:
            self._depart(user, room)

    @rule(user=people, other=people, kind=rooms, moderator=st.booleans())
    def expel(self, user: str, other: str, kind: RoomKind, moderator: bool) -> None:
        if self._may_change(user, kind, moderator=moderator):
            self._depart(other, self.rooms[kind])

    @rule(
        user=people,
        kind=rooms,
        moderator=st.booleans(),
        name=st.none() | st.just("Other"),
        description=st.none() | st.sampled_from(("", " ", "About")),
        archived=st.none() | st.booleans(),
    )
    def change(
        self,
        user: str,
        kind: RoomKind,
        moderator: bool,
        name: str | None,
        description: str | None,
        archived: bool | None,
    ) -> None:
        if not self._may_change(user, kind, moderator=moderator):
            return
        before = self.rooms[kind]
        after = rules.changed(before, name=name, description=description, archived=archived)
        assert (after.id, after.kind, after.created_by) == (before.id, before.kind, before.created_by)
        assert after.archived == (before.archived if archived is None else archived)
        assert after.description != ""
        self.rooms[kind] = after

    @invariant()
    def the_records_are_the_model(self) -> None:
        for kind, room in self.rooms.items():
            stored = {
                user_id: one.rooms[room.id].role
                for user_id, one in self.people.items()
                if room.id in one.rooms
            }
            assert stored == self.members[kind]

    @invariant()
    def a_room_with_members_has_an_owner(self) -> None:
        for kind, members in self.members.items():
            if members and kind is not RoomKind.DIRECT:
                assert RoomRole.OWNER in members.values()

    @invariant()
    def who_sees_a_room_may_read_it_and_only_members_send(self) -> None:
        for kind, room in self.rooms.items():
            for user_id in self.people:
                is_in = user_id in self.members[kind]
                membership = self._of(user_id, room)
                assert rules.may_see(room, membership) == (is_in or kind is RoomKind.PUBLIC)
                refused = self._refusal(lambda room=room, one=membership: rules.check_may_send(room, one))
                if not rules.may_see(room, membership):
                    assert refused is ErrorCode.ROOM_UNKNOWN
                else:
                    assert (refused is None) == (is_in and not room.archived)

    def _may_change(self, user: str, kind: RoomKind, *, moderator: bool) -> bool:
        room = self.rooms[kind]
        check = lambda: rules.check_may_change(room, self._of(user, room), moderator=moderator)  # noqa: E731
        refused, role = self._refusal(check), self.members[kind].get(user)
        is_public = kind is RoomKind.PUBLIC
        may = kind is not RoomKind.DIRECT and (role is RoomRole.OWNER or (moderator and is_public))
        assert (refused is None) == may
        if role is None and not is_public:
            assert refused is ErrorCode.ROOM_UNKNOWN, "moderators see no private rooms"
        return refused is None

    def _depart(self, user: str, room: Room) -> None:
        members = self.members[room.kind]
        stored = self._stored(room)
        heir = rules.next_owner(stored, user) if members.get(user) is RoomRole.OWNER else None
        self.people[user] = rules.left(self.people[user], room.id)
        members.pop(user, None)
        if heir is not None:
            assert heir == min(members, key=lambda one: (stored[one].joined_at, one)), "who joined first"
            self.people[heir] = rules.promoted(self.people[heir], room.id)
            members[heir] = RoomRole.OWNER

    def _add(self, user: str, room: Room, role: RoomRole) -> None:
        self.clock += timedelta(seconds=1)
        membership = Membership(role=role, joined_at=self.clock)
        joined = rules.joined(self.people[user], room.id, membership)
        assert rules.joined(joined, room.id, membership) is joined, "joining again changes nothing"
        self.people[user] = joined

    def _stored(self, room: Room) -> dict[str, Membership]:
        return {user_id: self.people[user_id].rooms[room.id] for user_id in self.members[room.kind]}

    def _of(self, user: str, room: Room) -> Membership | None:
        return self.people[user].rooms.get(room.id)

    def _refusal(self, check: object) -> ErrorCode | None:
        assert callable(check)
        try:
            check()
        except FaultError as error:
            return error.fault.code if error.fault.field == "room" else ErrorCode.INTERNAL
        return None


TestRooms = RoomMachine.TestCase
TestRooms.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_ids_depend_on_who_creates_a_room_and_on_nothing_else() -> None:
    assert rules.room_id("u", "k") == rules.room_id("u", "k") != rules.room_id("k", "u")
    assert rules.direct_id(["b", "a"]) == rules.direct_id(("a", "b", "a")) != rules.direct_id(["a", "c"])
    assert not rules.direct_id(["a", "b"]).startswith("r-")
