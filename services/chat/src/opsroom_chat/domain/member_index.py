"""Everybody there is, who holds which name, and who may not do what: the fold of the ``MEMBERS`` stream."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from opsroom_chat.domain.presence import LISTED
from opsroom_contracts.chat import Member, MemberStatus, User
from opsroom_contracts.restrictions import Restrictions


@dataclass(frozen=True, slots=True)
class MemberEntry:
    """A person's record and the sequence at which it was stored."""

    member: Member
    seq: int


@dataclass(frozen=True, slots=True)
class NameEntry:
    """Who holds a name (None: nobody any more) and the sequence that says so."""

    user_id: str | None
    seq: int


@dataclass(slots=True)
class MemberIndex:
    """The last record of everybody who isn't gone; an older record never replaces a newer one.

    People who are away and names that are released are forgotten as soon as the stream has delivered what
    says so: the stream itself is asked about those. Until then they are remembered as gone, lest an older
    record, delivered late, bring them back.
    """

    restrictions: Restrictions = field(default_factory=Restrictions)
    _members: dict[str, MemberEntry] = field(default_factory=dict)
    _names: dict[str, NameEntry] = field(default_factory=dict)
    _expiring: set[str] = field(default_factory=set)
    _delivered: int = 0

    def delivered(self, seq: int) -> None:
        """Everything up to ``seq`` has been delivered; to be said before that record is put."""
        self._delivered = seq

    def counts(self) -> dict[str, int]:
        """Sizes, for the statistics."""
        return {"members": len(self._members), "names": len(self._names)}

    def put_member(self, member: Member, seq: int) -> None:
        """Take in a person's record."""
        known = self._members.get(member.user.id)
        if known is not None and known.seq > seq:
            return
        if member.status is MemberStatus.AWAY and seq <= self._delivered:
            self.drop_member(member.user.id)
            return
        self._members[member.user.id] = MemberEntry(member, seq)
        if member.deadline is None:
            self._expiring.discard(member.user.id)
        else:
            self._expiring.add(member.user.id)

    def put_name(self, name_key: str, user_id: str | None, seq: int) -> None:
        """Take in who holds a name."""
        known = self._names.get(name_key)
        if known is not None and known.seq > seq:
            return
        if user_id is None and seq <= self._delivered:
            self.drop_name(name_key)
        else:
            self._names[name_key] = NameEntry(user_id, seq)

    def drop_member(self, user_id: str) -> None:
        """Forget a person."""
        self._members.pop(user_id, None)
        self._expiring.discard(user_id)

    def drop_name(self, name_key: str) -> None:
        """Forget a name."""
        self._names.pop(name_key, None)

    def member(self, user_id: str) -> MemberEntry | None:
        """The record of a person."""
        return self._members.get(user_id)

    def name(self, name_key: str) -> NameEntry | None:
        """What is known of a name."""
        return self._names.get(name_key)

    def orphans(self) -> list[str]:
        """Names held by somebody who isn't there."""
        return [
            key
            for key, entry in self._names.items()
            if entry.user_id is not None and entry.user_id not in self._members
        ]

    def listed(self) -> list[User]:
        """People on the list, in the order in which they came."""
        present = [entry.member for entry in self._members.values() if entry.member.status in LISTED]
        present.sort(key=lambda member: (member.joined_at, member.user.id))
        return [member.user for member in present]

    def expiring(self) -> Iterator[Member]:
        """People for whom a deadline runs."""
        return iter([self._members[user_id].member for user_id in self._expiring])

    def connected(self) -> Iterator[Member]:
        """People with at least one connection."""
        return iter([entry.member for entry in self._members.values() if entry.member.connections])
