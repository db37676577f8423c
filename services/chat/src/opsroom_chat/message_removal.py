"""Handler that removes messages: a tombstone replaces the message."""

from opsroom_chat.domain.moderation import removal_of
from opsroom_chat.message_store import MessageStore, StoredChatEvent
from opsroom_chat.presence_handlers import Clock
from opsroom_contracts.chat.events import MessageRemoved, message_of
from opsroom_contracts.chat.moderation import RemoveReply, RemoveRequest


class MessageRemoval:
    """Handler of ``chat.remove``."""

    def __init__(self, store: MessageStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def remove(self, request: RemoveRequest) -> RemoveReply:
        """Remove a message; returns once its text is erased.

        Raises:
            FaultError: ``message_unknown``; ``unavailable`` after too many conflicts.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """
        removed = await self._store.replace(request.room, request.id, self._tombstone)
        return RemoveReply(seq=removed.seq, id=removed.event.id, room=removed.event.room)

    def _tombstone(self, stored: StoredChatEvent) -> MessageRemoved | None:
        message = message_of(stored.event, stored.seq)
        if message is None:
            return None
        removed = removal_of(message, self._clock())
        return removed.model_copy(update={"members_seq": stored.event.members_seq})
