"""``GET /api/v1/status/events``: status changes as server-sent events.

The status has few viewers, so each stream has its own task and is served by a library. Streams with thousands
of readers are in :mod:`opsroom_gateway.transport.event_stream`.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.status import Status
from opsroom_gateway.api.problem_details import error_responses
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.api.status_service import CachedStatus
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.presence.stream_viewers import StreamViewer, StreamViewers, ViewerResponse
from opsroom_messaging.errors import UnavailableError

VIEWERS_MAX = 200
"""The maximum number of status streams of one gateway."""
_INTERVAL_SECONDS = 2.0
"""How often a stream checks the status; all streams of a gateway share one result."""
_SEND_SECONDS = 20.0
"""How long a viewer may take to read one event before the stream is closed."""
_RETRY_MS = 2000

_DESCRIPTION = """An event named `status` has the same data as `GET /status`. It is sent immediately, and then
whenever the status changes apart from times, durations and load. An event named `unavailable` is sent if the
status is unknown, for example if the broker is down. Comments are heartbeats."""
_EXAMPLE = 'event: status\ndata: {"at":"2026-11-25T03:00:12.345Z","tookMs":318.4,"missing":["chat"],…}\n\n'
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"example": _EXAMPLE}}}}


class StatusStreams:
    """The status streams of this gateway. They end on revocation, ban and shutdown."""

    def __init__(self, cached_status: CachedStatus, viewers: StreamViewers) -> None:
        self._cached_status = cached_status
        self._viewers = viewers

    def stop(self) -> None:
        """End all streams with a retry hint."""
        self._viewers.stop()

    def open(self, request: Request, principal: Principal) -> EventSourceResponse:
        """Open a stream for one viewer.

        Raises:
            FaultError: ``overloaded``: there are already ``VIEWERS_MAX`` streams.
        """
        viewer = self._viewers.open(request, principal, Action.SEE_SERVERS, VIEWERS_MAX)
        return ViewerResponse(
            self._events(request, viewer), partial(self._viewers.close, viewer), _SEND_SECONDS
        )

    async def _events(self, request: Request, viewer: StreamViewer) -> AsyncIterator[ServerSentEvent]:
        shown: object = None
        await self._viewers.recheck(viewer, request)
        while not viewer.ended:
            now, event = await self._snapshot()
            if now != shown and not viewer.ended:
                shown = now
                yield event
            await viewer.wait(_INTERVAL_SECONDS)
        yield ServerSentEvent(comment="ended", retry=_RETRY_MS)

    async def _snapshot(self) -> tuple[object, ServerSentEvent]:
        """Return the comparable part of the current status, and the event with the whole status."""
        try:
            status = await self._cached_status.status()
        except UnavailableError:
            return "unavailable", ServerSentEvent(event="unavailable", data="{}")
        return _comparable(status), ServerSentEvent(event="status", data=encode(status).decode())


def status_events_router(streams: StatusStreams, access: Authorizer) -> APIRouter:
    """Build the route of the status stream."""
    router = APIRouter(tags=["health"], dependencies=[BEARER])

    @router.get(
        "/status/events",
        summary="Subscribe to the status",
        description=_DESCRIPTION,
        response_class=EventSourceResponse,
        responses=_STREAM
        | error_responses(
            ErrorCode.TOKEN_INVALID,
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.BANNED,
            ErrorCode.OVERLOADED,
        ),
    )
    async def status_events(
        request: Request, principal: Annotated[Principal, Depends(access.require(Action.SEE_SERVERS))]
    ) -> EventSourceResponse:
        return streams.open(request, principal)

    return router


def _comparable(status: Status) -> object:
    """Return ``status`` without times, durations and load, which differ in every snapshot."""
    replicas = {(one.service, one.id, one.version, one.problem) for one in status.replicas}
    streams = {(one.name, one.copies, one.last_seq, one.lag) for one in status.streams}
    return status.broker_version, replicas, streams, status.missing
