"""In-memory index of members, names, restrictions and rooms, projected from the ``MEMBERS`` stream."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_chat.domain.name_holders import NameHolders
from opsroom_chat.domain.notification_index import NotificationIndex
from opsroom_chat.domain.presence import LISTED
from opsroom_contracts.chat.models import Member, MemberStatus, User
from opsroom_contracts.chat.restrictions import Restrictions
from opsroom_contracts.chat.room_index import RoomIndex
from opsroom_contracts.identity import Identity, granted_identity, owner_of_bot

_Place = tuple[int, str]
"""A place in the user list: when the user joined, in milliseconds of UNIX time, and their id."""


@dataclass(frozen=True, slots=True)
class MemberEntry:
    """A member's record and its sequence."""

    member: Member
    seq: int


@dataclass(frozen=True, slots=True)
class NameEntry:
    """The holder of a name (None: released) and the sequence of the claim."""

    user_id: str | None
    seq: int


@dataclass(slots=True)
class MemberIndex:
    """The latest record of every member who is not away; an older record never replaces a newer one.

    Away members and released names are dropped as soon as the stream has delivered the record that says so;
    later lookups read the stream. Until then they are kept as tombstones, so that an older record delivered
    late does not restore them.
    """

    restrictions: Restrictions = field(default_factory=Restrictions)
    rooms: RoomIndex = field(default_factory=RoomIndex)
    notifications: NotificationIndex = field(default_factory=NotificationIndex)
    _members: dict[str, MemberEntry] = field(default_factory=dict)
    _names: dict[str, NameEntry] = field(default_factory=dict)
    _expiring: set[str] = field(default_factory=set)
    _holders: NameHolders = field(default_factory=NameHolders)
    _unchecked: set[str] = field(default_factory=set)
    _delivered: int = 0

    def delivered(self, seq: int) -> None:
        """Note that everything up to ``seq`` was delivered; call it before that record is put."""
        self._delivered = seq

    def counts(self) -> dict[str, int]:
        """Return the sizes for the statistics."""
        return {"members": len(self._members), "names": len(self._names)} | self.notifications.counts()

    def oldest_seq(self, now: datetime) -> int | None:
        """Return the lowest sequence of a record that the index is made of; None if it is empty."""
        sequences = [entry.seq for entry in self._members.values()]
        sequences += [entry.seq for entry in self._names.values()]
        others = (self.restrictions.oldest_seq(now), self.rooms.oldest_seq())
        sequences += [seq for seq in others if seq is not None]
        return min(sequences, default=None)

    def put_member(self, member: Member, seq: int) -> None:
        """Apply a member's record."""
        known = self._members.get(member.user.id)
        if known is not None and known.seq > seq:
            return
        self._holders.put(member)
        if member.status is MemberStatus.AWAY and seq <= self._delivered:
            self.drop_member(member.user.id)
            return
        if known is None and member.status is not MemberStatus.AWAY:
            self._unchecked.add(member.user.id)
        self._members[member.user.id] = MemberEntry(member, seq)
        if member.deadline is None:
            self._expiring.discard(member.user.id)
        else:
            self._expiring.add(member.user.id)

    def put_name(self, name_key: str, user_id: str | None, seq: int) -> None:
        """Apply the claim on a name."""
        known = self._names.get(name_key)
        if known is not None and known.seq > seq:
            return
        if user_id is None and seq <= self._delivered:
            self.drop_name(name_key)
        else:
            self._names[name_key] = NameEntry(user_id, seq)

    def drop_member(self, user_id: str) -> None:
        """Drop a member."""
        self._members.pop(user_id, None)
        self._expiring.discard(user_id)
        self._unchecked.discard(user_id)

    def drop_name(self, name_key: str) -> None:
        """Drop a name."""
        self._names.pop(name_key, None)

    def member(self, user_id: str) -> MemberEntry | None:
        """Return a member's record."""
        return self._members.get(user_id)

    def name(self, name_key: str) -> NameEntry | None:
        """Return the claim on a name."""
        return self._names.get(name_key)

    def holders(self, name_keys: Iterable[str]) -> set[str]:
        """Return the ids of the members who claim one of the keys."""
        entries = (self._names.get(key) for key in name_keys)
        return {entry.user_id for entry in entries if entry is not None and entry.user_id is not None}

    def identity_of_name(self, name: str) -> Identity | None:
        """Return the identity of the holder of a name, or of the last one, if a credential proves it."""
        return self._holders.identity(name)

    def owner_of_name(self, name: str, now: datetime) -> Identity | None:
        """Return the identity that alone may take a name, although its user may be away."""
        return self._holders.owner(name, now)

    def unchecked(self) -> list[Member]:
        """Return the members who may not claim all keys of their name; nobody has checked yet."""
        return [self._members[user_id].member for user_id in self._unchecked]

    def checked(self, user_id: str) -> None:
        """Note that a member claims all keys of their name, as far as others leave them."""
        self._unchecked.discard(user_id)

    def members_of(self, identities: frozenset[Identity]) -> list[str]:
        """Return the ids of the members with one of ``identities``."""
        if not identities:
            return []
        return [
            user_id
            for user_id, entry in self._members.items()
            if granted_identity(entry.member.grant) in identities
        ]

    def pending_invitations(self, now: datetime) -> int:
        """Return the number of names that invitations hold for people who have not signed in yet."""
        return sum(
            1
            for entry in self._members.values()
            if entry.member.token_hash is None
            and entry.member.link is not None
            and now < entry.member.link.until
        )

    def bots_of(self, owner: Identity) -> int:
        """Return the number of bots of an owner."""
        return sum(1 for entry in self._members.values() if owner_of_bot(entry.member.grant) == owner)

    def orphans(self) -> list[str]:
        """Return the names whose holder has no record."""
        return [
            key
            for key, entry in self._names.items()
            if entry.user_id is not None and entry.user_id not in self._members
        ]

    def user_page(self, after: str | None, limit: int) -> tuple[tuple[User, ...], str | None]:
        """Return up to ``limit`` listed users in the order of joining, and the cursor of the next page.

        ``after``: the cursor of this page. Users who join later are at the end, so none is left out.
        """
        start = None if after is None else _read_cursor(after)
        listed = {
            _place_of(entry.member): entry.member.user
            for entry in self._members.values()
            if entry.member.status in LISTED
        }
        places = sorted(place for place in listed if start is None or place > start)
        shown = places[:limit]
        following = _cursor(shown[-1]) if len(places) > limit else None
        return tuple(listed[place] for place in shown), following

    @property
    def has_expiring(self) -> bool:
        """Whether there are members with a deadline."""
        return bool(self._expiring)

    def expiring(self) -> Iterator[Member]:
        """Iterate over the members with a deadline."""
        return iter([self._members[user_id].member for user_id in self._expiring])

    def connected(self) -> Iterator[Member]:
        """Iterate over the members with at least one connection."""
        return iter([entry.member for entry in self._members.values() if entry.member.connections])


def _place_of(member: Member) -> _Place:
    return max(0, int(member.joined_at.timestamp() * 1000)), member.user.id


def _cursor(place: _Place) -> str:
    return f"{place[0]}.{place[1]}"


def _read_cursor(cursor: str) -> _Place:
    joined_at, _, user_id = cursor.partition(".")
    return int(joined_at), user_id
