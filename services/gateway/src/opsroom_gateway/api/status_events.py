"""``GET /api/v1/status/events``: status changes as server-sent events.

The status has few viewers, so each stream has its own task and is served by a library. Streams with thousands
of readers are in :mod:`opsroom_gateway.transport.event_stream`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from opsroom_contracts.chat.moderation import RestrictionFields
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.status import Status
from opsroom_gateway.api.problem_details import error_responses
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.api.status_service import CachedStatus
from opsroom_gateway.auth.authorization import AuthMethod, Authorizer, Principal
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.middleware.client_address import client_of
from opsroom_gateway.presence.restriction_enforcer import is_ban
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


class _Viewer:
    """One stream. ``end`` is set when it must end; then ``on_close`` callbacks follow."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the stream has ended."""
        self._callbacks.append(callback)

    def on_restriction(self, restriction: RestrictionFields) -> None:
        """End the stream of a banned viewer."""
        if is_ban(restriction):
            self.end.set()

    def closed(self) -> None:
        """Call the callbacks."""
        for callback in self._callbacks:
            callback()


class StatusStreams:
    """The status streams of this gateway. They end on revocation, ban and shutdown."""

    def __init__(
        self, cached_status: CachedStatus, access: Authorizer, revocations: RevocationWatcher
    ) -> None:
        self._cached_status = cached_status
        self._access = access
        self._revocations = revocations
        self._viewers: set[_Viewer] = set()

    def stop(self) -> None:
        """End all streams with a retry hint."""
        for viewer in self._viewers:
            viewer.end.set()

    def open(self, request: Request, principal: Principal) -> EventSourceResponse:
        """Open a stream for one viewer.

        Raises:
            FaultError: ``overloaded``: there are already ``VIEWERS_MAX`` streams.
        """
        if len(self._viewers) >= VIEWERS_MAX:
            raise refuse(
                ErrorCode.OVERLOADED, f"the limit of {VIEWERS_MAX} status streams is reached; try again"
            )
        return EventSourceResponse(self._events(request, principal), send_timeout=_SEND_SECONDS)

    async def _events(self, request: Request, principal: Principal) -> AsyncIterator[ServerSentEvent]:
        shown: object = None
        viewer = _Viewer()
        self._viewers.add(viewer)
        try:
            await self._watch(viewer, request, principal)
            while not viewer.end.is_set():
                now, event = await self._snapshot()
                if now != shown and not viewer.end.is_set():
                    shown = now
                    yield event
                await _is_set_within(viewer.end, _INTERVAL_SECONDS)
            yield ServerSentEvent(comment="ended", retry=_RETRY_MS)
        finally:
            self._viewers.discard(viewer)
            self._revocations.unwatch(viewer)
            viewer.closed()

    async def _watch(self, viewer: _Viewer, request: Request, principal: Principal) -> None:
        """End the stream when its viewer is banned or loses the permission, maybe already."""
        name = None if principal.auth_method is AuthMethod.NONE else principal.name
        try:
            self._access.enforcer.watch(
                viewer, client_of(request), name, viewer.on_restriction, principal.identity
            )
        except FaultError:
            viewer.end.set()
            return
        self._revocations.watch(viewer, principal, Action.SEE_SERVERS, viewer.end.set)
        await self._revocations.recheck(viewer, request)

    async def _snapshot(self) -> tuple[object, ServerSentEvent]:
        """Return the comparable part of the current status, and the event with the whole status."""
        try:
            status = await self._cached_status.status()
        except UnavailableError:
            return "unavailable", ServerSentEvent(event="unavailable", data="{}")
        return _comparable(status), ServerSentEvent(event="status", data=encode(status).decode())


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


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
