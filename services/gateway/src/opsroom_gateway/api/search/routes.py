"""The route of the search."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import RawName
from opsroom_contracts.chat.rooms import RawRoomName
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.identity import Action
from opsroom_contracts.search.models import (
    SEARCH_DEFAULT,
    SEARCH_MAX,
    SearchMessagesReply,
    SearchMessagesRequest,
    SearchResults,
)
from opsroom_contracts.search.query import QUERY_MAX, SearchQuery, parse_moment, parse_query
from opsroom_gateway.api.cloud.examples import INSTANCE
from opsroom_gateway.api.cloud.history import CloudHistoryReader
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.search.cloud import (
    find_servers,
    searches_servers,
    searches_worklog,
    worklog_search,
)
from opsroom_gateway.api.search.cursor import (
    CURSOR_MAX,
    SearchCursor,
    ServerPosition,
    decode_cursor,
    encode_cursor,
    invalid_cursor,
)
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_messaging.client.request_client import RequestClient

_EVENTS_READ_MAX = 1000
"""Events of the Worklog that are read for one page."""
_MOMENT_MAX = 40
_EXAMPLE = {
    "messages": [
        {
            "message": {
                "seq": 7,
                "id": "5df2f6dbf1df5519b825d28ac8f2e084",
                "room": "general",
                "user": {"id": "4958f40b-66f3-5909-accb-ac1143d7ea5f", "name": "alice"},
                "text": "restarting web-1",
                "timestamp": "2026-11-24T00:25:53.076Z",
            },
            "highlights": [{"start": 0, "end": 10}],
        }
    ],
    "servers": [INSTANCE],
    "worklog": [],
    "complete": True,
}

_Q = Annotated[str, Query(max_length=QUERY_MAX, description="Words, phrases in quotes, and filters.")]
_In = Annotated[RawRoomName | None, Query(alias="in", description="The id or the name of a room.")]
_From = Annotated[RawName | None, Query(alias="from", description="The id or the name of a person.")]
_MomentText = Annotated[str | None, Query(max_length=_MOMENT_MAX, examples=["2026-11-30"])]
_Limit = Annotated[int, Query(ge=1, le=SEARCH_MAX)]
_CursorQuery = Annotated[str | None, Query(max_length=CURSOR_MAX)]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A request: the whole query, and the parts that the chat service gets."""

    query: SearchQuery
    messages: SearchMessagesRequest
    cursor: SearchCursor | None


async def _filters(
    room: _In = None, author: _From = None, after: _MomentText = None, before: _MomentText = None
) -> SearchMessagesRequest:
    """Read the filters of a search; ``after`` is inclusive, ``before`` exclusive.

    Raises:
        FaultError: ``invalid_request`` with the field.
    """
    return SearchMessagesRequest(
        room=room,
        author=author,
        after=None if after is None else parse_moment("after", after),
        before=None if before is None else parse_moment("before", before),
    )


async def _wanted(
    filters: Annotated[SearchMessagesRequest, Depends(_filters)],
    q: _Q = "",
    limit: _Limit = SEARCH_DEFAULT,
    cursor: _CursorQuery = None,
) -> _Wanted:
    """Read the parameters of a search.

    Raises:
        FaultError: ``invalid_request`` with the field.
    """
    query = parse_query(q).narrowed(
        room=filters.room, author=filters.author, after=filters.after, before=filters.before
    )
    if query.is_empty:
        raise refuse(ErrorCode.INVALID_REQUEST, "q: must have a word or a filter", field="q")
    position = None if cursor is None else decode_cursor(cursor)
    of_page: dict[str, object] = {"q": q, "limit": limit}
    if position is not None:
        of_page |= {"position": position.messages, "epoch": position.epoch}
    return _Wanted(query, filters.model_copy(update=of_page), position)


class PortalSearch:
    """Searches everything that a caller may see."""

    def __init__(
        self, requester: RequestClient, instances: InstanceProjection, history: CloudHistoryReader
    ) -> None:
        self._requester = requester
        self._instances = instances
        self._history = history

    async def search(self, wanted: _Wanted, principal: Principal) -> SearchResults:
        """Return a page.

        Raises:
            FaultError: as the chat service refuses the query; ``cursor``: it is of an earlier stream.
            UnavailableError: the broker did not reply.
        """
        found = SearchMessagesReply(hits=())
        has_more = wanted.cursor is None or wanted.cursor.messages is not None
        if has_more and Action.CHAT in principal.permissions:
            found = await self._messages(wanted, principal)
        if Action.SEE_SERVERS not in principal.permissions:
            following = SearchCursor(messages=found.next, epoch=found.epoch)
            return SearchResults(messages=found.hits, complete=found.complete, next=encode_cursor(following))
        servers, next_server = await self._servers(wanted)
        events, next_event = await self._worklog(wanted)
        following = SearchCursor(
            messages=found.next,
            epoch=found.epoch,
            servers=next_server,
            worklog=next_event,
            worklog_epoch=self._instances.epoch,
        )
        return SearchResults(
            messages=found.hits,
            servers=servers,
            worklog=events,
            complete=found.complete,
            next=encode_cursor(following),
        )

    async def _messages(self, wanted: _Wanted, principal: Principal) -> SearchMessagesReply:
        user_id = None if principal.user is None else principal.user.id
        request = wanted.messages.model_copy(update={"user_id": user_id})
        try:
            return await self._requester.request(endpoints.SEARCH, request)
        except FaultError as error:
            if error.fault.field == "position":
                raise invalid_cursor("is of messages that are gone; search again without it") from None
            raise

    async def _servers(self, wanted: _Wanted) -> tuple[tuple[Instance, ...], ServerPosition | None]:
        is_over = wanted.cursor is not None and wanted.cursor.servers is None
        if is_over or not searches_servers(wanted.query):
            return (), None
        after = None if wanted.cursor is None else wanted.cursor.servers
        return await find_servers(self._instances.instances(), wanted.query, after, wanted.messages.limit)

    async def _worklog(self, wanted: _Wanted) -> tuple[tuple[CloudEvent, ...], int | None]:
        cursor = wanted.cursor
        if (cursor is not None and cursor.worklog is None) or not searches_worklog(wanted.query):
            return (), None
        if cursor is not None and cursor.worklog_epoch != self._instances.epoch:
            raise invalid_cursor("is of events that are gone; search again without it")
        events, following = await self._history.page(
            worklog_search(wanted.query),
            None if cursor is None else cursor.worklog,
            wanted.messages.limit,
            read_max=_EVENTS_READ_MAX,
        )
        return tuple(reversed(events)), following


def search_router(search: PortalSearch, limits: Limits, access: Authorizer) -> APIRouter:
    """Build the route of the search."""
    router = APIRouter(tags=["search"], dependencies=[BEARER])

    async def searcher(request: Request) -> Principal:
        """Return who searches. It comes before the query is read: others learn nothing about it."""
        principal = await access.principal(request)
        if Action.SEE_SERVERS not in principal.permissions:
            access.check(principal, Action.CHAT)
        limits.count_search(client_of(request), principal.identity)
        return principal

    @router.get(
        "/search",
        summary="Search messages, servers and the Worklog",
        responses=example_response(200, _EXAMPLE)
        | error_responses(
            ErrorCode.INVALID_REQUEST,
            ErrorCode.ROOM_UNKNOWN,
            ErrorCode.TOKEN_INVALID,
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.BANNED,
            ErrorCode.RATE_LIMITED,
            ErrorCode.OVERLOADED,
            ErrorCode.UNAVAILABLE,
        ),
        response_model_exclude_none=True,
    )
    async def search_all(
        principal: Annotated[Principal, Depends(searcher)], wanted: Annotated[_Wanted, Depends(_wanted)]
    ) -> SearchResults:
        """What matches all words and filters and what you may see, newest first, servers by name.

        `q` has words, phrases in quotes, and the filters `in:`, `from:`, `before:`, `after:` and `has:`. The
        parameters of the same names narrow it further. `limit` is for each group. A page can be shorter, or
        empty, although there is more: `next` says so, the `cursor` of the next page.
        """
        return await search.search(wanted, principal)

    return router
