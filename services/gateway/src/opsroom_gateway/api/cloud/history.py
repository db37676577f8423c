"""``GET /api/v1/cloud/history``: past events of instances, a page at a time, newest first."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.events import cloud_event_of
from opsroom_contracts.cloud.models import INSTANCE_EVENT, InstanceEvent
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.http import CLOUD_HISTORY_MAX, CloudEvent, CloudHistory
from opsroom_contracts.identity import Action
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.model import TimestampText
from opsroom_contracts.subjects import CLOUD_EVENTS, instance_events
from opsroom_gateway.api.cloud.access import ID_PATTERN
from opsroom_gateway.api.cloud.examples import INSTANCE
from opsroom_gateway.api.problem_details import error_responses, example_response
from opsroom_gateway.api.security import BEARER
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_messaging.jetstream.backward_reader import BATCH, BackwardReader
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

_READ_MAX = 5000
"""Events that are read for one page. With a filter, most of them may not be shown."""
_SECONDS = 5.0
"""How long reading one page may take."""
_CONCURRENT = 4
_WAITING_MAX = 100
_ORDER_MARGIN = timedelta(minutes=1)
"""Events are in the order in which they were stored. Their times are those of several processes."""

_EVENT = {
    "seq": 41,
    "type": "started",
    "instanceId": "dfc6bba1-34ad-580a-9554-9380d83f762f",
    "operationId": "831c0b9187974052a7cb8bd385ef8ea5",
    "command": "start",
    "state": "running",
    "actor": "alice",
    "timestamp": "2026-11-24T00:32:18.060Z",
    "instance": INSTANCE,
}
_Before = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
_Limit = Annotated[int, Query(ge=1, le=CLOUD_HISTORY_MAX)]
_Instance = Annotated[
    str | None,
    Query(pattern=ID_PATTERN, description="The id of a server, which may be removed, or the name of one."),
]
_Actor = Annotated[str | None, Query(min_length=1, max_length=64)]
_Type = Annotated[EventType | None, Query(alias="type")]
_From = Annotated[TimestampText | None, Query(alias="from")]
_To = Annotated[TimestampText | None, Query(alias="to")]


class EventFilter(Protocol):
    """Which events to read. ``instance``: only those of one; nothing is shown outside of the times."""

    @property
    def instance(self) -> str | None: ...
    @property
    def earliest(self) -> datetime | None: ...
    @property
    def latest(self) -> datetime | None: ...
    def shows(self, event: InstanceEvent) -> bool:
        """Whether an event matches."""
        ...


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which events to show; None: all. ``earliest`` and ``latest`` are inclusive."""

    instance: str | None = None
    actor: str | None = None
    type: EventType | None = None
    earliest: datetime | None = None
    latest: datetime | None = None

    def shows(self, event: InstanceEvent) -> bool:
        """Whether ``event`` is public and matches."""
        return (
            event.type is not EventType.RETAINED
            and self.actor in {None, event.actor}
            and self.type in {None, event.type}
            and (self.earliest is None or event.timestamp >= self.earliest)
            and (self.latest is None or event.timestamp <= self.latest)
        )


class CloudHistoryReader:
    """Reads pages. Only some are read at the same time, so that they don't delay others' requests."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._waiting = 0

    async def page(
        self, wanted: EventFilter, before: int | None, limit: int, *, read_max: int = _READ_MAX
    ) -> tuple[list[CloudEvent], int | None]:
        """Return the events before ``before``, or the latest, and the ``before`` of the next page.

        The page is short if its budget is used up, and may then be empty; the next one continues there.
        ``read_max``: events that are read for it.

        Raises:
            FaultError: ``overloaded``: too many pages are being read.
            UnavailableError: the broker did not reply.
        """
        if self._waiting >= _WAITING_MAX:
            raise refuse(ErrorCode.OVERLOADED, "too many pages of history are being read")
        self._waiting += 1
        try:
            async with self._slots:
                return await self._read(wanted, before, limit, read_max)
        finally:
            self._waiting -= 1

    async def _read(
        self, wanted: EventFilter, before: int | None, limit: int, read_max: int
    ) -> tuple[list[CloudEvent], int | None]:
        subject = CLOUD_EVENTS if wanted.instance is None else instance_events(wanted.instance)
        loop = asyncio.get_running_loop()
        deadline, read = loop.time() + _SECONDS, 0
        if wanted.latest is not None:
            before = await self._end_at(subject, wanted.latest, before)
        source = await BackwardReader.before(self._reader, subject, before)
        found: list[CloudEvent] = []
        while source.has_more and read < read_max and loop.time() < deadline:
            end = source.end
            window = await source.window(BATCH)
            read += len(window)
            newest: datetime | None = None
            for stored in reversed(window):
                if len(found) == limit:
                    return found[::-1], end
                end = stored.seq
                event = _event_in(stored)
                if event is None:
                    continue
                newest = event.timestamp if newest is None else max(newest, event.timestamp)
                if wanted.shows(event):
                    found.append(cloud_event_of(event, stored.seq))
            if wanted.earliest and newest and newest + _ORDER_MARGIN < wanted.earliest:
                return found[::-1], None
        return found[::-1], source.end if source.has_more else None

    async def _end_at(self, subject: str, moment: datetime, before: int | None) -> int:
        """Return a sequence before which the events of up to ``moment`` are, and few later ones."""
        bounds = await self._reader.bounds()
        low, high = bounds.first, bounds.last + 1 if before is None else min(before, bounds.last + 1)
        while low < high:
            middle = (low + high) // 2
            page = await self._reader.page(subject, start=middle, count=1)
            event = _event_in(page[0]) if page and page[0].seq < high else None
            # One that is malformed has no time; reading on from there costs a little and misses nothing.
            if page and page[0].seq < high and (event is None or event.timestamp - _ORDER_MARGIN <= moment):
                low = page[0].seq + 1
            else:
                high = middle
        return low


def _event_in(stored: StreamMessage) -> InstanceEvent | None:
    try:
        return INSTANCE_EVENT.read(stored.data)
    except ContractError:
        return None  # the projection has counted and logged it


async def _filter(
    instance: _Instance = None,
    actor: _Actor = None,
    kind: _Type = None,
    earliest: _From = None,
    latest: _To = None,
) -> HistoryFilter:
    """Return the filter of a query."""
    return HistoryFilter(instance, actor, kind, earliest, latest)


def cloud_history_router(
    history: CloudHistoryReader, projection: InstanceProjection, access: Authorizer
) -> APIRouter:
    """Build the route of the history."""
    router = APIRouter(prefix="/cloud", tags=["cloud"], dependencies=[BEARER])
    errors: dict[int | str, dict[str, Any]] = error_responses(
        ErrorCode.INVALID_REQUEST,
        ErrorCode.TOKEN_INVALID,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.FORBIDDEN,
        ErrorCode.BANNED,
        ErrorCode.OVERLOADED,
        ErrorCode.UNAVAILABLE,
    )

    @router.get(
        "/history",
        summary="Read past events",
        dependencies=[Depends(access.require(Action.SEE_SERVERS))],
        response_model_exclude_none=True,
        responses=example_response(200, {"events": [_EVENT], "next": 40}) | errors,
    )
    async def cloud_history(
        wanted: Annotated[HistoryFilter, Depends(_filter)], before: _Before = None, limit: _Limit = 100
    ) -> CloudHistory:
        """A page in ascending order: the latest events that match, or those before a sequence.

        A page can be shorter than `limit`, or empty, although there are more events: `next` says so. `from`
        and `to` are inclusive.
        """
        epoch = projection.epoch
        found = None if wanted.instance is None else projection.find(wanted.instance)
        if found is not None:
            wanted = replace(wanted, instance=found.id)
        events, following = await history.page(wanted, before, limit)
        return CloudHistory(events=tuple(events), next=following, epoch=epoch)

    return router
