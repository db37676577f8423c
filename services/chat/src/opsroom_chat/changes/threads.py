"""Threads: a reply names the message that it replies to, the first of its thread.

Replies are messages of the room, stored and changed like others. The room shows them only if they are
broadcast; the index knows which ones a thread has.
"""

from opsroom_chat.domain.changes import Readable
from opsroom_chat.domain.threads import check_root
from opsroom_chat.following.followers import Followers
from opsroom_chat.log.details import Placed
from opsroom_chat.log.room_details import RoomDetails
from opsroom_chat.messages.store import MessageStore
from opsroom_chat.rooms.access import RoomAccess
from opsroom_contracts.chat.events import CHAT_EVENT, message_of
from opsroom_contracts.chat.models import Mentions, Message, ThreadReply, ThreadRequest
from opsroom_contracts.serialization.codec import ContractError
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_REPLY_BYTES = 700 * 1024
"""Maximum size of a page, well under the broker's payload limit of 1 MiB."""


class Threads:
    """Handler of ``chat.thread``, the check of new replies, and who follows a thread because of one."""

    def __init__(
        self, store: MessageStore, details: RoomDetails, access: RoomAccess, followers: Followers
    ) -> None:
        self._followers = followers
        self._store = store
        self._details = details
        self._access = access

    async def check(self, room: str, thread: str) -> Readable:
        """Check that a new reply may name this message, and return it.

        Raises:
            FaultError: ``message_unknown``: there is none in the room, or it is removed;
                ``invalid_request``: it is a reply itself.
            UnavailableError: the broker did not respond, or a newer release stored the message.
        """
        return check_root((await self._store.last(room, thread)).event)

    async def follow(self, root: Readable, user_id: str, mentions: Mentions | None) -> None:
        """Make people follow a thread if a reply by ``user_id`` concerns them, before it is stored.

        Raises:
            FaultError, UnavailableError: as ``Followers.add``.
        """
        mentioned = () if mentions is None else mentions.users
        people = {root.user.id: False} | dict.fromkeys((*mentioned, user_id), True)
        await self._followers.add(root.room, root.id, people)

    async def follow_mentioned(self, event: Readable) -> None:
        """Make people follow the thread of an edited reply that mentions them, if they have not known it.

        Raises:
            FaultError, UnavailableError: as ``Followers.add``.
        """
        if event.thread is not None and event.mentions is not None:
            people = dict.fromkeys(event.mentions.users, False)
            await self._followers.add(event.room, event.thread, people)

    async def page(self, request: ThreadRequest) -> ThreadReply:
        """Return the first message of a thread, and a page of its replies.

        Raises:
            FaultError: ``room_unknown``; as ``check``.
            UnavailableError: the broker did not respond, or the index is being built.
        """
        room = request.room
        await self._access.check_may_read(request.user_id, room)
        last = await self._store.last(room, request.id)
        root = check_root(last.event)
        as_of = await self._details.catch_up(room)
        places = await self._details.replies(room, request.id, request.before, request.limit + 1)
        has_more = len(places) > request.limit
        texts = await self._details.texts(room, [Placed(one, one) for one in places[: request.limit]])
        replies: list[Message] = []
        size = 0
        for at, stored in texts:  # the newest first
            size += 0 if stored is None else len(stored.data)
            if replies and size > _REPLY_BYTES:
                has_more = True
                break
            message = None if stored is None else _message(stored)
            replies += [] if message is None else [message]
            end = at
        shown = message_of(root, last.seq)
        first, *complete = await self._details.complete(
            room, [*([] if shown is None else [shown]), *reversed(replies)], request.user_id
        )
        return ThreadReply(
            root=first, replies=tuple(complete), next=end if has_more and texts else None, as_of=as_of
        )


def _message(stored: StreamMessage) -> Message | None:
    try:
        return message_of(CHAT_EVENT.read(stored.data), stored.seq)
    except ContractError:
        return None
