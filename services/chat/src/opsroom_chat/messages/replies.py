"""Commands that are said in the chat: messages with a trigger, and the replies to them."""

from typing import Final

from opsroom_chat.changes.threads import Threads
from opsroom_chat.domain.tokens import message_id
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.messages.store import MessageStore
from opsroom_chat.rooms.access import RoomAccess
from opsroom_contracts.chat.events import MESSAGE_STATE, MessageEvent
from opsroom_contracts.chat.models import Mentions, SendReply, SendRequest
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.calls import CommandCall, CommandOrder, CommandTrigger
from opsroom_contracts.incidents.posts import ReplyRequest
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.subjects import command_subject
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.writes import Write

TRIGGER_SECONDS: Final = 86_400
"""How long a trigger is kept. Workers refuse commands that are much younger."""


def check_command(request: SendRequest) -> None:
    """Check that a command is nothing else, too.

    Raises:
        FaultError: ``invalid_request``: it has files, or is a frame of the course contract.
    """
    if request.command is not None and (request.files or request.raw is not None):
        raise refuse(ErrorCode.INVALID_REQUEST, "files: a command has none", field="files")


def with_trigger(event: MessageEvent, order: CommandOrder) -> tuple[MessageEvent, tuple[Write, ...]]:
    """Return the message of a command, and the trigger that is stored right behind it.

    The message shows to everybody that it is a command. Who said it, and from where, is only in the trigger.
    """
    trigger = CommandTrigger(
        version=1 if order.bot is None else 2,
        room=event.room,
        message_id=event.id,
        caller=order.caller,
        bot=order.bot,
    )
    write = Write(command_subject(event.id), encode(trigger), ttl=TRIGGER_SECONDS)
    return event.model_copy(update={"command": CommandCall(name=order.name)}), (write,)


class Replies:
    """Handler of ``chat.reply``, by which the service ``incidents`` replies to commands."""

    def __init__(self, store: MessageStore, access: RoomAccess, threads: Threads, clock: Clock) -> None:
        self._store = store
        self._access = access
        self._threads = threads
        self._clock = clock

    async def reply(self, request: ReplyRequest) -> SendReply:
        """Store a reply. Its id is derived from the author and the key, so that it is stored at most once.

        Raises:
            FaultError: ``room_unknown``; ``message_unknown``: the thread's first message is gone.
            UnavailableError: the broker did not respond, or this process is too far behind.
        """
        reply_id = message_id(request.author.id, request.idempotency_key)
        stored = await self._store.find(request.room, reply_id)
        if stored is not None:
            return _duplicate(stored, reply_id)
        members_seq = await self._access.check_room(request.room)
        mentions = Mentions(users=request.mentions) if request.mentions else None
        if request.thread is not None:
            root = await self._threads.check(request.room, request.thread)
            await self._threads.follow(root, request.author.id, mentions)
        event = MessageEvent(
            id=reply_id,
            room=request.room,
            user=request.author,
            text=request.text,
            timestamp=to_milliseconds(self._clock()),
            client_id=request.idempotency_key,
            members_seq=members_seq,
            thread=request.thread,
            card=request.card,
            mentions=mentions,
        )
        added = await self._store.add(event)
        if isinstance(added, StreamMessage):
            return _duplicate(added, reply_id)
        return SendReply(seq=added, id=event.id, timestamp=event.timestamp)


def _duplicate(stored: StreamMessage, reply_id: str) -> SendReply:
    event = MESSAGE_STATE.read(stored.data)
    return SendReply(seq=stored.seq, id=reply_id, timestamp=event.timestamp, duplicate=True)
