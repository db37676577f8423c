"""``GET /api/v1/cloud/instances/{id}/logs`` and ``…/stats``: what a server writes and uses, as events.

They have few readers, so each stream has a task and is served by a library.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from sse_starlette import EventSourceResponse

from opsroom_contracts.agents.protocol import TAIL_MAX
from opsroom_contracts.audit import AuditedAction
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.http import SSE_END, StreamEnd
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.codec import encode
from opsroom_gateway.agents.agent_stream import Reader
from opsroom_gateway.agents.agent_streams import AgentStreams
from opsroom_gateway.agents.entry_buffer import Part
from opsroom_gateway.agents.stream_kinds import LOGS, STATS, Kind, Wish
from opsroom_gateway.api.cloud.access import (
    AUTH_ERRORS,
    Caller,
    CommandAccess,
    InstanceId,
    name_header,
    require_caller,
)
from opsroom_gateway.api.problem_details import error_responses
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Principal
from opsroom_gateway.presence.stream_viewers import StreamViewer, StreamViewers, ViewerResponse
from opsroom_gateway.projections.instances import InstanceProjection

READERS_MAX: Final = 200
"""The maximum number of readers of logs and statistics of one gateway."""
_IDLE_SECONDS = 3600.0
"""A stream ends if there was nothing to send for this long."""
_SEND_SECONDS = 20.0
"""How long a reader may take to accept one event before the stream is closed."""
_RETRY: Final = b"retry: 2000\n\n"

_LOGS = """The last lines of the log, then, with `follow`, new ones. It takes an operator, and is audited.

An event named `log` has `lines` in order. `skipped`: how many lines before them this reader has lost, because
it reads too slowly or the agent left them out. The event `end` is the last one, with the `reason`; after it,
don't reconnect. A stream that ends without it was interrupted. Comments are heartbeats. Lines are not
stored."""
_STATS = """The use of CPU and memory during the last 15 minutes, then, with `follow`, as it is measured.

An event named `stats` has `samples` in order: `cpu` in cores, `memory` in bytes. `end` and comments are as in
the log."""
_LOG_EXAMPLE = 'event: log\ndata: {"seq":1,"lines":[{"text":"listening on :80","source":"stdout"}]}\n\n'
_STATS_EXAMPLE = (
    'event: stats\ndata: {"seq":1,"samples":[{"at":"2026-11-24T00:32:18.060Z","cpu":0.25,'
    '"memory":52428800,"memoryLimit":268435456}]}\n\n'
)
_OPEN_ERRORS = (
    ErrorCode.INSTANCE_NOT_FOUND,
    ErrorCode.PROVIDER_AWAY,
    ErrorCode.UNSUPPORTED,
    ErrorCode.OVERLOADED,
    ErrorCode.UNAVAILABLE,
    *AUTH_ERRORS,
)
_Tail = Annotated[int, Query(ge=0, le=TAIL_MAX, description="How many past lines to begin with, at most.")]
_Follow = Annotated[bool, Query(description="Whether to go on with what is new.")]


class ServerStreams:
    """Logs and statistics for the readers of this gateway."""

    def __init__(self, streams: AgentStreams, viewers: StreamViewers, projection: InstanceProjection) -> None:
        self._streams = streams
        self._viewers = viewers
        self._projection = projection

    async def open(
        self, request: Request, principal: Principal, action: Action, kind: Kind, wish: Wish
    ) -> EventSourceResponse:
        """Open a stream of the server in the path of ``request``.

        Raises:
            FaultError: ``instance_not_found``; ``overloaded``; as :meth:`AgentStreams.join`.
        """
        instance = self.instance_of(request)
        viewer = self._viewers.open(request, principal, action, READERS_MAX)
        try:
            reader = await self._streams.join(kind, instance, wish, viewer.changed)
        except BaseException:
            self._viewers.close(viewer)
            raise

        def close() -> None:
            reader.close()
            self._viewers.close(viewer)

        return ViewerResponse(self._events(request, viewer, reader), close, _SEND_SECONDS)

    def instance_of(self, request: Request) -> Instance:
        """Return the server in the path of ``request``.

        Raises:
            FaultError: ``instance_not_found``.
        """
        wanted: str = request.path_params["instance_id"]
        found = self._projection.find(wanted)
        if found is None:
            raise refuse(ErrorCode.INSTANCE_NOT_FOUND, f"there is no instance {wanted!r}")
        return found

    async def _events(self, request: Request, viewer: StreamViewer, reader: Reader) -> AsyncIterator[bytes]:
        await self._viewers.recheck(viewer, request)
        seq = 0
        while not viewer.ended:
            viewer.changed.clear()
            part = reader.read()
            if part is not None:
                if not part.empty:
                    seq += 1
                    yield _event(reader.stream.kind, seq, part)
                reader.done_with(part)
            elif reader.stream.ended:
                yield _RETRY if reader.stream.end is None else _end_event(reader.stream.end)
                return
            elif not await viewer.wait(_IDLE_SECONDS):
                yield _end_event(StreamEnd(reason=f"nothing was written for {_IDLE_SECONDS / 60:g} minutes"))
                return
        yield _RETRY


def _event(kind: Kind, seq: int, part: Part) -> bytes:
    """Return the SSE event of entries; they are encoded already, once for all readers."""
    skipped = b'"skipped":%d,' % part.skipped if part.skipped else b""
    data = b'{"seq":%d,%s"%s":[%s]}' % (seq, skipped, kind.field.encode(), part.json)
    return b"event: %s\ndata: %s\n\n" % (kind.event.encode(), data)


def _end_event(end: StreamEnd) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (SSE_END.encode(), encode(end))


def looking_router(streams: ServerStreams, commanding: CommandAccess) -> APIRouter:
    """Build the routes of logs and statistics."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])
    _add_logs(router, streams, commanding)
    _add_stats(router, streams, commanding)
    return router


def _add_logs(router: APIRouter, streams: ServerStreams, commanding: CommandAccess) -> None:
    caller_of: Any = Depends(require_caller(AuditedAction.READ_LOG, commanding, Action.SEE_LOGS))
    audit_log = commanding.audit_log

    @router.get(
        "/instances/{instance_id}/logs",
        summary="Read the log of an instance",
        description=_LOGS,
        response_class=EventSourceResponse,
        dependencies=[Depends(name_header)],
        responses=_stream_of(_LOG_EXAMPLE)
        | error_responses(
            *_OPEN_ERRORS, ErrorCode.NAME_INVALID, ErrorCode.NAME_TAKEN, ErrorCode.RATE_LIMITED
        ),
    )
    async def logs(
        instance_id: InstanceId,
        request: Request,
        tail: _Tail = 200,
        follow: _Follow = False,
        caller: Caller = caller_of,
    ) -> EventSourceResponse:
        wish = Wish(tail, follow)
        try:
            target = streams.instance_of(request).id
            response = await streams.open(request, caller.principal, Action.SEE_LOGS, LOGS, wish)
        except FaultError as error:
            audit_log.refused(AuditedAction.READ_LOG, caller.by, error.fault, instance_id)
            raise
        audit_log.accepted(AuditedAction.READ_LOG, caller.by, target)
        return response


def _add_stats(router: APIRouter, streams: ServerStreams, commanding: CommandAccess) -> None:
    viewer_of: Any = Depends(commanding.access.require(Action.SEE_SERVERS))

    @router.get(
        "/instances/{instance_id}/stats",
        summary="Read the use of CPU and memory of an instance",
        description=_STATS,
        response_class=EventSourceResponse,
        responses=_stream_of(_STATS_EXAMPLE) | error_responses(*_OPEN_ERRORS),
    )
    async def stats(
        instance_id: InstanceId,  # noqa: ARG001 - declared, and read from the request
        request: Request,
        follow: _Follow = True,
        principal: Principal = viewer_of,
    ) -> EventSourceResponse:
        return await streams.open(request, principal, Action.SEE_SERVERS, STATS, Wish(follow=follow))


def _stream_of(example: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"text/event-stream": {"example": example}}}}
