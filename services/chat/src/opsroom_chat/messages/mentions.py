"""Who the messages of a room mention: found once, when a message is stored."""

from collections.abc import Callable

from opsroom_chat.domain.member_index import MemberIndex
from opsroom_chat.domain.mentions import mentioned
from opsroom_chat.domain.names import name_keys
from opsroom_contracts.chat.models import MENTIONED_MAX, MemberStatus, Mentions
from opsroom_contracts.chat.rooms import RoomRole
from opsroom_contracts.subjects import is_created_room
from opsroom_runtime.token_bucket import Rate, TokenBuckets

_SEARCHED_MAX = 500
"""In larger rooms, people who have left the chat are not found by their names."""
_SMALL_ROOM = 100
"""In larger rooms, only owners mention everybody."""
_RATE = Rate(per_second=1.0, burst=60.0)
"""Mentions of one sender. Beyond it, messages mention nobody."""
_COST_OF_MANY = 15


class MentionFinder:
    """Resolves names to the people of a room, who alone are mentioned.

    ``loop_time``: seconds of a clock that never goes back.
    """

    def __init__(self, index: Callable[[], MemberIndex], loop_time: Callable[[], float]) -> None:
        self._index = index
        self._loop_time = loop_time
        self._buckets = TokenBuckets(_RATE)

    def find(self, room: str, sender: str, text: str) -> Mentions | None:
        """Return who ``text`` mentions in ``room``; None: nobody, or the sender has mentioned too many."""
        if "@" not in text:
            return None
        away = self._names(room)
        found = mentioned(text, lambda name: self._person(room, name) or away.get(name.casefold()))
        users = dict.fromkeys(found.users)
        everybody = found.everybody and self._may_mention_everybody(room, sender)
        if found.here and not everybody:
            users |= dict.fromkeys(self._present(room))
        users.pop(sender, None)
        if not users and not everybody:
            return None
        cost = _COST_OF_MANY if everybody or found.here else len(users)
        if not self._affordable(sender, cost):
            return None
        return Mentions(users=tuple(users)[:MENTIONED_MAX], everybody=everybody or None)

    def _affordable(self, sender: str, cost: int) -> bool:
        now = self._loop_time()
        return all(self._buckets.acquire(sender, now) == 0 for _ in range(cost))

    def _person(self, room: str, name: str) -> str | None:
        index = self._index()
        holders = index.holders(name_keys(name))
        if not is_created_room(room):
            return min(holders, default=None)
        members = index.rooms.members(room)
        return min((user_id for user_id in holders if user_id in members), default=None)

    def _names(self, room: str) -> dict[str, str]:
        """Return the ids of a room's members by their names, also of those who have left the chat."""
        rooms = self._index().rooms
        members = rooms.members(room) if is_created_room(room) else ()
        if len(members) > _SEARCHED_MAX:
            return {}
        people = (rooms.person(user_id) for user_id in sorted(members, reverse=True))
        return {one.user.name.casefold(): one.user.id for one in people if one is not None}

    def _may_mention_everybody(self, room: str, sender: str) -> bool:
        index = self._index()
        if not is_created_room(room):
            return index.counts()["members"] <= _SMALL_ROOM
        membership = index.rooms.membership(sender, room)
        is_owner = membership is not None and membership.role is RoomRole.OWNER
        return is_owner or len(index.rooms.members(room)) <= _SMALL_ROOM

    def _present(self, room: str) -> list[str]:
        """Return who is in the room and connected; nobody, if they are too many to be listed."""
        index, present = self._index(), []
        created = is_created_room(room)
        members = index.rooms.members(room) if created else None
        for member in index.connected():
            if member.status is MemberStatus.PRESENT and (members is None or member.user.id in members):
                present.append(member.user.id)
                if len(present) > MENTIONED_MAX:
                    return []
        return present
