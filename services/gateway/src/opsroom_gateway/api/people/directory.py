"""The people of the portal, from the records of members and the static tokens."""

from collections.abc import Iterator

from opsroom_contracts.chat.invitations import Invitation
from opsroom_contracts.chat.models import BotOwner, Member, MemberStatus
from opsroom_contracts.http_people import PEOPLE_MAX, Bot, BotList, InvitationList, PeopleList, Person
from opsroom_contracts.identity import (
    Credential,
    Grant,
    Identity,
    Role,
    credential_of,
    owner_id_of_bot,
    owner_of_bot,
)
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.projections.members import MemberProjection

_LISTED = frozenset({MemberStatus.PRESENT, MemberStatus.LINGERING})


class PeopleDirectory:
    """Reads what this gateway knows; nothing is requested from a service."""

    def __init__(self, members: MemberProjection, access: Authorizer) -> None:
        self._members = members
        self._access = access

    def people(self) -> PeopleList:
        """Return all who are present, hold a name, or can sign in with a credential."""
        people = sorted(self._all(), key=lambda one: (not one.present, one.name.casefold(), one.id or ""))
        return PeopleList(people=tuple(people[:PEOPLE_MAX]), more=len(people) > PEOPLE_MAX)

    def invitations(self) -> InvitationList:
        """Return the pending invitations, the one that ends first first."""
        found = [one for member in self._members.members() if (one := self._invitation(member)) is not None]
        return InvitationList(invitations=tuple(sorted(found, key=lambda one: (one.until, one.id))))

    def bots(self, owner: Identity | None) -> BotList:
        """Return the bots of an owner, or all of them."""
        found = [
            Bot(
                id=member.user.id,
                name=member.user.name,
                role=self._access.role_of_bot(member.grant, self._owner(member.grant)),
                owner=self.owner_name(member.grant),
                present=member.status in _LISTED,
            )
            for member in self._members.members()
            if member.grant is not None
            and (held := owner_of_bot(member.grant)) is not None
            and owner in {None, held}
        ]
        return BotList(bots=tuple(sorted(found, key=lambda one: (one.name.casefold(), one.id))))

    def owner_name(self, grant: Grant | None) -> str | None:
        """Return the name of the person whose bot has ``grant``."""
        owner = self._owner(grant)
        if owner is not None:
            return owner.user.name
        token = self._access.tokens.by_source(owner_of_bot(grant) or "")
        return None if token is None else token.name

    def _owner(self, grant: Grant | None) -> BotOwner | None:
        owner_id = owner_id_of_bot(grant)
        member = None if owner_id is None else self._members.find(owner_id)
        return None if member is None else BotOwner(user=member.user, grants=member.grants())

    def _invitation(self, member: Member) -> Invitation | None:
        link = member.link
        if link is None or link.by is None or self._access.now() >= link.until:
            return None
        role = Role.MEMBER if link.grant is None else link.grant.role
        return Invitation(
            id=member.user.id, name=member.user.name, role=role, by=link.by, at=link.at, until=link.until
        )

    def _all(self) -> Iterator[Person]:
        members = [*self._members.members(), *self._members.sightings.gone()]
        yield from map(self._person, members)
        used = {member.grant.source for member in members if member.grant is not None}
        for token in self._access.tokens.all():
            if token.source not in used:
                yield Person(name=token.name, role=token.role, credential=Credential.TOKEN)

    def _person(self, member: Member) -> Person:
        grants = [device.grant for device in member.all_devices()] or [member.grant]
        ends = [grant.until for grant in grants if grant is not None and grant.until is not None]
        pending = member.token_hash is None and self._invitation(member) is not None
        owner_identity = owner_of_bot(member.grant)
        role = self._access.role_of(max(grants, key=lambda one: one is not None))
        if owner_identity is not None and member.grant is not None:
            role = self._access.role_of_bot(member.grant, self._owner(member.grant))
        return Person(
            id=member.user.id,
            name=member.user.name,
            role=role,
            credential=credential_of(member.grant),
            present=member.status in _LISTED,
            connections=len(member.connections),
            devices=len(member.all_devices()),
            joined_at=member.joined_at if member.status in _LISTED else None,
            seen_at=None if pending else self._members.sightings.last(member.user.id),
            until=max(ends, default=None),
            pending=pending,
            owner=self.owner_name(member.grant),
        )
