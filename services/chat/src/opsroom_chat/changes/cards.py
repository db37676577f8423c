"""The handler of cards: a message that is stored once for each key and generation, and updated in place."""

from opsroom_chat.changes.threads import Threads
from opsroom_chat.domain import cards as rules
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.messages.store import MessageStore, StoredChatEvent
from opsroom_chat.rooms.access import RoomAccess
from opsroom_contracts.chat.events import MessageEdited
from opsroom_contracts.chat.models import SendReply
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.identity import is_bot
from opsroom_contracts.incidents.posts import CardRequest


class Cards:
    """Handler of ``chat.card``, which only services of the portal can request."""

    def __init__(self, store: MessageStore, access: RoomAccess, threads: Threads, *, clock: Clock) -> None:
        self._store = store
        self._access = access
        self._threads = threads
        self._clock = clock

    async def put(self, request: CardRequest) -> SendReply:
        """Store a card, or update the one with its key; returns once the card before it is erased.

        Any number of processes may do so at the same time: the message has an id that follows from the key,
        and each update is guarded by the event that it replaces.

        Raises:
            FaultError: ``room_unknown``; ``forbidden``: the room is archived, the author is no bot, or
                another author has this key; ``message_unknown``: the thread; ``unavailable`` after too many
                conflicts.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """
        if not is_bot(request.author.id):
            raise refuse(ErrorCode.FORBIDDEN, "author: cards are written by bots", field="author")
        members_seq = await self._access.check_may_post(request.room)
        message_id = rules.message_id_of(request)
        if await self._store.find(request.room, message_id) is None:
            if request.thread is not None:
                root = await self._threads.check(request.room, request.thread)
                await self._threads.follow(root, request.author.id, None)
            event = rules.first(request, members_seq, self._clock())
            added = await self._store.add(event)
            if isinstance(added, int):
                return SendReply(seq=added, id=event.id, timestamp=event.timestamp)

        def change(stored: StoredChatEvent) -> MessageEdited | None:
            return rules.update(stored.event, stored.seq, request, members_seq, self._clock())

        stored, is_changed = await self._store.replace(request.room, message_id, change)
        last = stored.event
        return SendReply(seq=stored.seq, id=last.id, timestamp=last.timestamp, duplicate=not is_changed)
