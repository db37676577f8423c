"""Handlers of edits and removals: an event replaces the message, and its text is erased."""

from opsroom_chat.changes.people import People
from opsroom_chat.changes.threads import Threads
from opsroom_chat.domain import changes
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.messages.mentions import MentionFinder
from opsroom_chat.messages.store import MessageStore, StoredChatEvent
from opsroom_contracts.chat.events import MessageEdited, MessageRemoved
from opsroom_contracts.chat.models import DeleteRequest, EditRequest, SendReply
from opsroom_contracts.chat.moderation import RemoveReply, RemoveRequest


class Edits:
    """Handlers of ``chat.edit``, ``chat.delete`` and ``chat.remove``."""

    def __init__(
        self, store: MessageStore, people: People, mentions: MentionFinder, threads: Threads, *, clock: Clock
    ) -> None:
        self._store = store
        self._threads = threads
        self._mentions = mentions
        self._people = people
        self._clock = clock

    async def edit(self, request: EditRequest) -> SendReply:
        """Replace the text of a message; returns once the text before it is erased.

        Raises:
            FaultError: ``message_unknown``; ``forbidden``; ``invalid_request`` (blank text); ``unavailable``
                after too many conflicts; as ``People.may_send``.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """
        _, members_seq = await self._people.may_send(request.user_id, request.room)

        mentions = self._mentions.find(request.room, request.user_id, request.text)
        new = changes.NewText(request, mentions, members_seq)

        def change(stored: StoredChatEvent) -> MessageEdited | None:
            return changes.edit(stored.event, stored.seq, new, self._clock())

        stored, is_changed = await self._store.replace(request.room, request.id, change)
        if not isinstance(stored.event, MessageRemoved):
            await self._threads.follow_mentioned(stored.event)
        return _reply(stored, is_changed)

    async def delete(self, request: DeleteRequest) -> SendReply:
        """Remove a message as its author; returns once its text is erased.

        Who is muted may, and so may everybody in an archived room.

        Raises:
            FaultError: ``message_unknown``; ``forbidden``; ``unavailable`` after too many conflicts; as
                ``People.may_read``.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """
        await self._people.may_read(request.user_id, request.room)

        def change(stored: StoredChatEvent) -> MessageRemoved | None:
            return changes.delete(stored.event, stored.seq, request.user_id, self._clock())

        return _reply(*await self._store.replace(request.room, request.id, change))

    async def remove(self, request: RemoveRequest) -> RemoveReply:
        """Remove a message as a moderator; returns once its text is erased.

        Raises:
            FaultError: ``message_unknown``; ``unavailable`` after too many conflicts.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """

        def change(stored: StoredChatEvent) -> MessageRemoved | None:
            event = stored.event
            if isinstance(event, MessageRemoved):
                return None
            return changes.removal(event, stored.seq, self._clock())

        removed, _ = await self._store.replace(request.room, request.id, change)
        return RemoveReply(seq=removed.seq, id=removed.event.id, room=removed.event.room)


def _reply(stored: StoredChatEvent, is_changed: bool) -> SendReply:
    event = stored.event
    return SendReply(seq=stored.seq, id=event.id, timestamp=event.timestamp, duplicate=not is_changed)
