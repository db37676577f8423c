"""Handler of ``chat.search``. The index names candidates; every one is read, and checked as it is then."""

import asyncio
from dataclasses import dataclass, field, replace

import apsw

from opsroom_chat.rooms.access import Readable, RoomAccess
from opsroom_chat.search.highlights import highlights
from opsroom_chat.search.indexer import SearchIndexer
from opsroom_chat.search.lookup import Lookup, LookupTimeoutError, Place
from opsroom_chat.search.terms import Stems, author_key, has, is_author, words_expression
from opsroom_contracts import endpoints
from opsroom_contracts.chat.events import CHAT_EVENT, message_of
from opsroom_contracts.chat.models import Message
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.search.models import MessageHit, SearchMessagesReply, SearchMessagesRequest
from opsroom_contracts.search.query import SearchQuery, parse_query
from opsroom_contracts.serialization.codec import ContractError
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.errors import OverloadedError
from opsroom_messaging.jetstream.stream_reader import StreamReader

_READ_MAX = 200
"""Messages that are read for one page. Those that have gone or changed are read, but not shown."""
_READ_AT_ONCE = 10
_LOOKUP_SECONDS = 1.0
_SECONDS = 3.0
"""How long reading one page may take, less than the timeout of its request."""
_REPLY_BYTES = 700 * 1024
_CONCURRENT = 4
_WAITING_MAX = 200


@dataclass(frozen=True, slots=True)
class _Search:
    """A query, and the rooms that it is limited to.

    Attributes:
        rooms: those of the filter; empty: all that can be read.
    """

    query: SearchQuery
    rooms: frozenset[str]
    readable: Readable


@dataclass(slots=True)
class _Page:
    """A page that is being read."""

    limit: int
    deadline: float
    hits: list[MessageHit] = field(default_factory=list)
    size: int = 0
    read: int = 0

    @property
    def is_full(self) -> bool:
        """Whether no more messages fit."""
        return len(self.hits) >= self.limit or self.size >= _REPLY_BYTES

    def is_over(self, now: float) -> bool:
        """Whether the page is full, or its budget is used up."""
        return self.is_full or self.read >= _READ_MAX or now >= self.deadline


class SearchHandlers:
    """Searches messages. Only some searches run at the same time, so that they don't delay messages."""

    def __init__(
        self, indexer: SearchIndexer, reader: StreamReader, access: RoomAccess, stems: Stems
    ) -> None:
        self._indexer = indexer
        self._reader = reader
        self._access = access
        self._stems = stems
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._waiting = 0

    def register(self, service: MicroService) -> None:
        """Add the handler to ``service``."""
        service.add(endpoints.SEARCH, self.search)

    async def search(self, request: SearchMessagesRequest) -> SearchMessagesReply:
        """Return a page of messages that match and that the person may read, newest first.

        Raises:
            FaultError: ``invalid_request``: the query, with the field that is wrong. ``room_unknown``: there
                is no such room for this person.
            OverloadedError: too many searches are waiting.
            UnavailableError: the broker did not reply, or the query took too long.
        """
        query = parse_query(request.q).narrowed(
            room=request.room, author=request.author, after=request.after, before=request.before
        )
        if query.is_empty:
            raise refuse(ErrorCode.INVALID_REQUEST, "q: must have a word or a filter", field="q")
        epoch = self._indexer.epoch
        if request.epoch is not None and request.epoch != epoch:
            message = "position: is of messages that are gone; search again without it"
            raise refuse(ErrorCode.INVALID_REQUEST, message, field="position")
        readable = await self._access.readable(request.user_id)
        search = _Search(query, _rooms(query, readable), readable)
        if self._waiting >= _WAITING_MAX:
            raise OverloadedError("too many searches are waiting")
        self._waiting += 1
        try:
            async with self._slots:
                page = _Page(request.limit, asyncio.get_running_loop().time() + _SECONDS)
                following = await self._fill(page, search, request.position)
        finally:
            self._waiting -= 1
        return SearchMessagesReply(
            hits=tuple(page.hits), next=following, epoch=epoch, complete=self._indexer.synced
        )

    async def _fill(self, page: _Page, search: _Search, position: int | None) -> int | None:
        """Fill ``page``; return the position of the next one, or None if there are no more."""
        lookup = self._lookup(search, page.limit)
        if position is not None:
            lookup = replace(lookup, before=position)
        while True:
            places = await self._find(lookup)
            for start in range(0, len(places), _READ_AT_ONCE):
                batch = places[start : start + _READ_AT_ONCE]
                messages = await asyncio.gather(*(self._message(place) for place in batch))
                page.read += len(batch)
                for place, message in zip(batch, messages, strict=True):
                    if page.is_full:
                        return lookup.before
                    self._add(page, search, message)
                    lookup = replace(lookup, before=place.place)
                if page.is_over(asyncio.get_running_loop().time()):
                    return lookup.before
            if len(places) < lookup.limit:
                return None

    def _lookup(self, search: _Search, limit: int) -> Lookup:
        query = search.query
        keys = set(query.authors) | {author_key(author) for author in query.authors}
        return Lookup(
            expressions=words_expression(query, self._stems),
            rooms=sorted(search.rooms) if search.rooms else search.readable.member_rooms(),
            is_public=not search.rooms,
            authors=sorted(keys),
            after=query.after,
            until=query.before,
            limit=limit + 1,
        )

    async def _find(self, lookup: Lookup) -> list[Place]:
        try:
            return await asyncio.to_thread(self._indexer.file.find, lookup, _LOOKUP_SECONDS)
        except LookupTimeoutError:
            message = "q: the search took too long; add a word or a filter"
            raise refuse(ErrorCode.OVERLOADED, message, field="q") from None
        except apsw.Error as error:
            self._indexer.failed(error)
            raise refuse(ErrorCode.UNAVAILABLE, "the search index is being built; try again") from None

    async def _message(self, place: Place) -> Message | None:
        """Read the message of a hit as it is now; None: it is removed, or another one is there."""
        stored = await self._reader.at(place.seq)
        if stored is None:
            return None
        try:
            message = message_of(CHAT_EVENT.read(stored.data), stored.seq)
        except ContractError:
            return None
        return message if message is not None and message.seq == place.place else None

    def _add(self, page: _Page, search: _Search, message: Message | None) -> None:
        """Add a message if it may be read and still matches: the index may be behind."""
        if message is None or not search.readable.may_read(message.room):
            return
        if not _matches(message, search):
            return
        names = [file.name for file in message.files or ()]
        found = highlights(message.text, search.query.phrases, self._stems, names)
        if found is not None:
            page.hits.append(MessageHit(message=message, highlights=found))
            page.size += 4 * len(message.text)


def _rooms(query: SearchQuery, readable: Readable) -> frozenset[str]:
    """Return the rooms of the filter.

    Raises:
        FaultError: ``room_unknown``: this person sees no such room; whether it exists makes no difference.
    """
    found: set[str] = set()
    for wanted in query.rooms:
        rooms = readable.named(wanted)
        if not rooms:
            message = f"in: there is no room {wanted!r} that you can see"
            raise refuse(ErrorCode.ROOM_UNKNOWN, message, field="in")
        found.update(rooms)
    return frozenset(found)


def _matches(message: Message, search: _Search) -> bool:
    query = search.query
    return (
        (not search.rooms or message.room in search.rooms)
        and (query.after is None or message.timestamp >= query.after)
        and (query.before is None or message.timestamp < query.before)
        and (not query.authors or any(is_author(message.user, wanted) for wanted in query.authors))
        and query.has <= has(message)
    )
