"""Who is notified of a message, as far as this process knows; checked again when a push is sent."""

from collections.abc import Callable

from opsroom_chat.domain import notifying as rules
from opsroom_chat.domain.member_index import MemberIndex
from opsroom_contracts.chat.events import MessageEdited, MessageEvent
from opsroom_contracts.chat.notifications import PushReason
from opsroom_contracts.chat.rooms import RoomKind
from opsroom_contracts.subjects import is_created_room

CurrentMessage = MessageEvent | MessageEdited


class Recipients:
    """Finds people by the settings, memberships and devices in the index."""

    def __init__(self, index: Callable[[], MemberIndex], open_rooms: frozenset[str]) -> None:
        self._index = index
        self._open = open_rooms

    def of(self, event: CurrentMessage) -> dict[str, PushReason]:
        """Return who may be notified of a message, and why. Only people it may concern cost anything.

        Whether they follow the thread of a reply is not known here.
        """
        found: dict[str, PushReason] = {}
        for user_id in self._candidates(event):
            reason = self.reason(event, user_id)
            if reason is not None:
                found[user_id] = reason
        return found

    def reason(self, event: CurrentMessage, user_id: str) -> PushReason | None:
        """Return why a person is notified of a message; None: they are not."""
        if user_id == event.user.id or not self.is_in(user_id, event.room):
            return None
        settings = self._index().notifications.settings(user_id)
        is_direct = self.is_direct(event.room)
        return rules.reason_for(
            rules.level_of(settings, event.room, is_direct=is_direct),
            event.mentions,
            user_id,
            is_direct=is_direct,
        )

    def is_heard(self, room: str) -> bool:
        """Whether anybody may be notified of messages in ``room`` that mention nobody."""
        return self.is_direct(room) or bool(self._index().notifications.hearing(room))

    def is_in(self, user_id: str, room: str) -> bool:
        """Whether a person is a member of ``room``, or everybody is."""
        return room in self._open or self._index().rooms.membership(user_id, room) is not None

    def is_direct(self, room: str) -> bool:
        """Whether ``room`` is a direct one."""
        record = self._index().rooms.room(room)
        return record is not None and record.kind is RoomKind.DIRECT

    def name(self, room: str) -> str | None:
        """Return the name of a room; None: it has none."""
        record = self._index().rooms.room(room)
        return room if record is None else record.name

    def _candidates(self, event: CurrentMessage) -> set[str]:
        index, mentions = self._index(), event.mentions
        notifications = index.notifications
        if self.is_direct(event.room) or (mentions is not None and mentions.everybody):
            people = (
                index.rooms.members(event.room) if is_created_room(event.room) else notifications.reachable()
            )
            return {one for one in people if notifications.has_devices(one)}
        wanted = notifications.hearing(event.room)
        if mentions is not None:
            wanted |= set(mentions.users)
        return {one for one in wanted if notifications.has_devices(one)}
