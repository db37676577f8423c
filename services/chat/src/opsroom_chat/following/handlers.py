"""Handlers of followed threads."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from opsroom_chat.domain import following as rules
from opsroom_chat.domain.threads import check_root
from opsroom_chat.following.followers import Followers
from opsroom_chat.log.details import Placed, ThreadQuery
from opsroom_chat.log.room_details import RoomDetails
from opsroom_chat.messages.store import MessageStore
from opsroom_chat.reads.unread import UnreadCounter
from opsroom_chat.rooms.access import RoomAccess
from opsroom_contracts import endpoints
from opsroom_contracts.chat.events import CHAT_EVENT, message_of
from opsroom_contracts.chat.models import Message
from opsroom_contracts.chat.threads import (
    FollowedThread,
    FollowRequest,
    ReadThreadRequest,
    ThreadsReply,
    ThreadsRequest,
    ThreadsUnread,
    ThreadsUnreadRequest,
    ThreadUnread,
)
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_messaging.client.microservice import MicroService

_REPLY_BYTES = 700 * 1024
"""Maximum size of a page, well under the broker's payload limit of 1 MiB."""

RoomsOf = Callable[[str], Awaitable[Mapping[str, int | None]]]
"""Returns the rooms of a person, and the sequences at which they joined them, if these are known."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A followed thread. ``last``: the place of its last reply; 0: it has none."""

    unread: ThreadUnread
    last: int


class FollowingHandlers:
    """Handlers of the requests about followed threads.

    Only threads of rooms that a person is in exist for them.
    """

    def __init__(
        self,
        followers: Followers,
        counter: UnreadCounter,
        details: RoomDetails,
        *,
        store: MessageStore,
        access: RoomAccess,
        rooms: RoomsOf,
    ) -> None:
        self._followers = followers
        self._counter = counter
        self._details = details
        self._store = store
        self._access = access
        self._rooms = rooms

    def register(self, service: MicroService) -> None:
        """Add the handlers to ``service``."""
        service.add(endpoints.FOLLOW, self.follow)
        service.add(endpoints.READ_THREAD, self.read)
        service.add(endpoints.THREADS, self.page)
        service.add(endpoints.THREADS_UNREAD, self.unread)

    async def follow(self, request: FollowRequest) -> ThreadUnread:
        """Follow a thread, or stop following it. Threads that are not followed need not exist any more.

        Raises:
            FaultError: ``room_unknown``; ``message_unknown``; ``invalid_request``: the message is a reply.
            UnavailableError: the broker did not reply, or this process is too far behind.
        """
        room, thread = request.room, request.id
        await self._access.check_may_read(request.user_id, room)
        if request.on:
            check_root((await self._store.last(room, thread)).event)
        head = await self._counter.end()

        def decide(known: rules.Threads) -> rules.Threads | None:
            if request.on:
                return rules.followed(known, thread, room, head, again=True)
            return rules.unfollowed(known, thread, head)

        return _view(await self._followers.change(request.user_id, head, decide), room, thread, head)

    async def read(self, request: ReadThreadRequest) -> ThreadUnread:
        """Store a position, and reply with what is unread after it. Of threads that are not followed, nothing
        is stored.

        Raises:
            FaultError: ``room_unknown``; ``invalid_request``: a position that doesn't exist.
            UnavailableError: the broker did not reply, or this process is too far behind.
        """
        room, thread = request.room, request.id
        await self._access.check_may_read(request.user_id, room)
        as_of = await self._counter.reach(request.seq, "seq")
        query = ThreadQuery(room, thread, request.seq)
        (counts,) = await self._details.thread_counts((query,), request.user_id, as_of)

        def decide(known: rules.Threads) -> rules.Threads | None:
            return rules.read_to(known, thread, request.seq, unread=counts.unread, as_of=as_of)

        known = await self._followers.change(request.user_id, as_of, decide)
        if thread in known and known[thread].read > request.seq:
            return await self._recount(request.user_id, known, thread)
        return _view(known, room, thread, as_of)

    async def _recount(self, user_id: str, known: rules.Threads, thread: str) -> ThreadUnread:
        """Return what is unread after the position that is stored, which is higher than the requested one."""
        position, as_of = known[thread], await self._counter.reach(0, "seq")
        query = ThreadQuery(position.room, thread, position.read)
        (counts,) = await self._details.thread_counts((query,), user_id, as_of)
        found = _view(known, position.room, thread, as_of)
        return found.model_copy(update={"unread": counts.unread, "as_of": as_of})

    async def unread(self, request: ThreadsUnreadRequest) -> ThreadsUnread:
        """Count what a person has not read in threads that they follow.

        Raises:
            FaultError: ``invalid_request``: ``at_least`` doesn't exist.
            UnavailableError: the broker did not reply, or this process is too far behind.
        """
        epoch = self._counter.epoch
        as_of = await self._counter.reach(request.at_least, "atLeast")
        counted = await self._counted(request.user_id, as_of)
        self._counter.check_epoch(epoch)
        return ThreadsUnread(as_of=as_of, epoch=epoch, threads=tuple(one.unread for one in counted))

    async def page(self, request: ThreadsRequest) -> ThreadsReply:
        """Return a page of the threads that a person follows, the one with the newest reply first.

        Raises:
            UnavailableError: the broker did not reply, or this process is too far behind.
        """
        as_of = await self._counter.reach(0, "before")
        counted = await self._counted(request.user_id, as_of)
        before = request.before
        wanted = [one for one in counted if one.last and (before is None or one.last < before)]
        shown: list[FollowedThread] = []
        size, end = 0, None
        for one in wanted[: request.limit]:
            found = await self._thread(one, request.user_id)
            size += 0 if found is None else len(encode(found))
            if shown and size > _REPLY_BYTES:
                break
            shown += [] if found is None else [found]
            end = one.last
        has_more = end is not None and end != wanted[-1].last
        return ThreadsReply(threads=tuple(shown), next=end if has_more else None, as_of=as_of)

    async def _counted(self, user_id: str, as_of: int) -> list[_Counted]:
        """Return the followed threads, the one with the newest reply first."""
        rooms = await self._rooms(user_id)
        threads = await self._followers.threads(user_id)
        queries = [
            ThreadQuery(one.room, thread, max(one.read, rooms[one.room] or 0))
            for thread, one in threads.items()
            if one.following and one.room in rooms
        ]
        counts = await self._details.thread_counts(queries, user_id, as_of)
        found = [
            _Counted(
                ThreadUnread(
                    room=query.room, id=query.thread, read=query.read, unread=count.unread, as_of=as_of
                ),
                count.last or 0,
            )
            for query, count in zip(queries, counts, strict=True)
        ]
        return sorted(found, key=lambda one: one.last, reverse=True)

    async def _thread(self, counted: _Counted, user_id: str) -> FollowedThread | None:
        """Return a thread with its texts; None: its first message is gone, or a newer release stored it."""
        unread = counted.unread
        try:
            stored = await self._store.last(unread.room, unread.id)
            root = message_of(check_root(stored.event), stored.seq)
        except FaultError as error:
            if error.fault.code not in {ErrorCode.MESSAGE_UNKNOWN, ErrorCode.INVALID_REQUEST}:
                raise
            return None
        last = await self._reply(unread.room, counted.last)
        if root is None or last is None:
            return None
        first, newest = await self._details.complete(unread.room, (root, last), user_id)
        return FollowedThread(root=first, last=newest, read=unread.read, unread=unread.unread)

    async def _reply(self, room: str, place: int) -> Message | None:
        ((_, stored),) = await self._details.texts(room, (Placed(place, place),))
        try:
            return None if stored is None else message_of(CHAT_EVENT.read(stored.data), stored.seq)
        except ContractError:
            return None


def _view(known: rules.Threads, room: str, thread: str, head: int) -> ThreadUnread:
    """Return what is stored about a thread; one that is not followed has nothing unread."""
    position = known.get(thread)
    if position is None:
        return ThreadUnread(room=room, id=thread, following=False, read=head, as_of=head)
    return ThreadUnread(
        room=position.room,
        id=thread,
        following=position.following,
        read=position.read,
        unread=position.unread,
        as_of=position.as_of,
    )
