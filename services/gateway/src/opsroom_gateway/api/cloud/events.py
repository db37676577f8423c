"""``GET /api/v1/cloud/events``: all instance events as server-sent events."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from opsroom_contracts.chat.moderation import RestrictionFields
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.model import TimestampText
from opsroom_gateway.api.problem_details import error_responses
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer, Principal
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.fanout.replay import Cursor, HistoryGapError, Replayer
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.presence.restriction_enforcer import is_ban
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_gateway.transport.event_stream import EventStream, EventStreamConnection
from opsroom_messaging.errors import UnavailableError

_DESCRIPTION = """Events are named `change`, with the stream's sequence as `id:`. Resume with `Last-Event-ID`
(sent by browsers automatically) or `?since=`, where 0 is the beginning; the header takes precedence. Add the
`epoch` of the list or the last `reset`, and the `timestamp` of the event at `since`: the server then notices
that it was restored from a backup, or that its data was deleted, in the meantime. An event named `reset`
means that missed events can't be replayed: fetch the list again. Comments are heartbeats."""

_EXAMPLE = """id: 41
event: change
data: {"seq":41,"type":"received","instanceId":"9b2f…","operationId":"51c0…","command":"create",\
"state":"stopped","actor":"alice","timestamp":"2026-11-23T23:04:05.678Z","dueAt":"2026-11-23T23:04:15.678Z"}

"""

_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"example": _EXAMPLE}}}}
_RETRY_SECONDS = (1.0, 5.0)
"""Range of the retry delay if missed events can't be read; random, to spread the reconnects."""
_Since = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
_Epoch = Annotated[str | None, Query(max_length=64)]
_TimestampQuery = Annotated[TimestampText | None, Query()]
_LastEventId = Annotated[str | None, Header(alias="Last-Event-ID")]


@dataclass(frozen=True, slots=True)
class _Streams:
    """Opens streams, which end when their reader is banned or loses the permission."""

    projection: InstanceProjection
    replayer: Replayer
    access: Authorizer
    revocations: RevocationWatcher

    def open(self, request: Request, principal: Principal, cursor: Cursor | None) -> EventStream:
        """Return the stream of ``principal`` after ``cursor``."""
        return EventStream(partial(self._begin, request, principal, cursor))

    async def _begin(
        self,
        request: Request,
        principal: Principal,
        cursor: Cursor | None,
        connection: EventStreamConnection,
    ) -> None:
        known = principal.auth_method is not AuthMethod.NONE
        name, identity = (principal.name, principal.identity) if known else (None, None)
        on_restriction = partial(_on_restriction, connection)
        try:
            self.access.enforcer.watch(connection, client_of(request), name, on_restriction, identity)
        except FaultError:  # banned since the request was authorized
            connection.end()
            return
        self.revocations.watch(connection, principal, Action.SEE_SERVERS, connection.end)
        connection.on_close(partial(self._forget, connection))
        await self.revocations.recheck(connection, request)
        if connection.open:
            await _begin(self.projection, self.replayer, connection, cursor)

    def _forget(self, connection: EventStreamConnection) -> None:
        self.projection.readers.unsubscribe(connection)
        self.revocations.unwatch(connection)


def events_router(
    projection: InstanceProjection, replayer: Replayer, access: Authorizer, revocations: RevocationWatcher
) -> APIRouter:
    """Build the route of the event stream."""
    streams = _Streams(projection, replayer, access, revocations)

    async def without_query(request: Request) -> Response:
        principal = await access.authorize(request, Action.SEE_SERVERS)
        cursor = _resume_position(None, None, request.headers.get("last-event-id"))
        return streams.open(request, principal, cursor)

    router = APIRouter(
        prefix="/cloud", tags=["cloud"], dependencies=[BEARER], route_class=_without_query(without_query)
    )

    @router.get(
        "/events",
        summary="Subscribe to all events",
        description=_DESCRIPTION,
        status_code=200,
        response_class=EventStream,
        responses=_STREAM
        | error_responses(
            ErrorCode.TOKEN_INVALID, ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, ErrorCode.BANNED
        ),
    )
    async def events(
        request: Request,
        principal: Annotated[Principal, Depends(access.require(Action.SEE_SERVERS))],
        since: _Since = None,
        epoch: _Epoch = None,
        timestamp: _TimestampQuery = None,
        last_event_id: _LastEventId = None,
    ) -> EventStream:
        cursor = None if since is None else Cursor(since, epoch, timestamp)
        return streams.open(request, principal, _resume_position(cursor, epoch, last_event_id))

    return router


def _without_query(handle: Callable[[Request], Awaitable[Response]]) -> type[APIRoute]:
    """Return a class of routes that pass requests without a query to ``handle``, which has to do the same.

    FastAPI's search for parameters takes longer than the rest, and after a restart everybody comes back.
    """

    class WithoutQuery(APIRoute):
        """The route."""

        def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
            """Return what handles a request."""
            with_query = super().get_route_handler()

            async def handle_either(request: Request) -> Response:
                return await (with_query if request.scope["query_string"] else handle)(request)

            return handle_either

    return WithoutQuery


def _on_restriction(connection: EventStreamConnection, restriction: RestrictionFields) -> None:
    if is_ban(restriction):
        connection.end()


def _resume_position(requested: Cursor | None, epoch: str | None, last_event_id: str | None) -> Cursor | None:
    """Return the position to resume from; None: live events only; sequence -1: the id is invalid, so reset.

    A browser repeats the query of its first request, so a timestamp may belong to an earlier event.
    """
    if last_event_id is None or not last_event_id.strip():
        return requested
    digits = last_event_id.strip()
    seq = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else -1
    return requested if requested is not None and requested.seq == seq else Cursor(seq, epoch)


async def _begin(
    projection: InstanceProjection,
    replayer: Replayer,
    connection: EventStreamConnection,
    cursor: Cursor | None,
) -> None:
    """Send missed events, then subscribe to live ones."""
    if cursor is not None:
        try:
            if cursor.seq < 0:
                raise HistoryGapError
            async for part in replayer.replay_from(cursor, None):
                connection.write(part.frames)
                if not part.last and not await connection.wait_drained():
                    return
        except HistoryGapError:
            connection.write(projection.reset_chunk())
        except UnavailableError:
            connection.end(random.uniform(*_RETRY_SECONDS))  # noqa: S311 - nothing secret
            return
    if connection.open:
        projection.readers.subscribe(connection)
