"""When members were last seen, also those who have left but can come back."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from opsroom_contracts.chat.models import Member, MemberStatus

_GONE_MAX: Final = 5_000
"""The maximum number of members who are away; beyond it, those who left first are forgotten."""


@dataclass(slots=True)
class Sightings:
    """Follows the records of members. The time of the last one is when a member joined or left, roughly."""

    _at: dict[str, datetime] = field(default_factory=dict)
    _gone: OrderedDict[str, Member] = field(default_factory=OrderedDict)

    def put(self, member: Member, before: Member | None, at: datetime) -> None:
        """Apply a record that was stored at ``at``; ``before``: the one before it."""
        user_id = member.user.id
        by_admin = before is not None and member.link != before.link and _has_inviter(member, before)
        if not by_admin and (member.status is not MemberStatus.AWAY or user_id not in self._at):
            self._at[user_id] = at
        self._gone.pop(user_id, None)
        if member.status is not MemberStatus.AWAY:
            return
        if member.grant is not None:
            self._gone[user_id] = member
        else:
            self._at.pop(user_id, None)
        if len(self._gone) > _GONE_MAX:
            forgotten, _ = self._gone.popitem(last=False)
            self._at.pop(forgotten, None)

    def last(self, user_id: str) -> datetime | None:
        """Return when a member was last seen, if that is known."""
        return self._at.get(user_id)

    def find(self, user_id: str) -> Member | None:
        """Return a member with a credential who is away, as they were."""
        return self._gone.get(user_id)

    def gone(self) -> tuple[Member, ...]:
        """Return the members with a credential who are away, as they were."""
        return tuple(self._gone.values())


def _has_inviter(*members: Member) -> bool:
    return any(one.link is not None and one.link.by is not None for one in members)
