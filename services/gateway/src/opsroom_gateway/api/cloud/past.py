"""The instances as they were at an earlier sequence of their events."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from opsroom_contracts.cloud.commands import CREATING, EventType
from opsroom_contracts.cloud.models import INSTANCE_EVENT, Instance, InstanceEvent, apply
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.http import InstanceList
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.model import rfc3339, to_milliseconds
from opsroom_contracts.subjects import CLOUD_EVENTS, instance_events
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.backward_reader import BATCH
from opsroom_messaging.jetstream.reach import oldest_within
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader

PAST_MAX: Final = 20_000
"""How many events may have followed the moment that is shown."""
_STATES: Final = 200
"""Instances whose state of then is read with one request."""
_CONCURRENT: Final = 2
_WAITING_MAX: Final = 50


@dataclass(slots=True)
class _Since:
    """The instances with events after the moment, and the first event of each after it."""

    first: dict[str, InstanceEvent] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def add(self, stored: StreamMessage, at: int) -> None:
        event = _event_in(stored)
        if event is None:
            return
        self.touched.add(event.instance_id)
        if stored.seq > at:
            self.first.setdefault(event.instance_id, event)


class CloudPast:
    """Folds the events up to a sequence. What has not changed since is in the projection already.

    ``reach``: how many events may have followed. Few moments are read at the same time.
    """

    def __init__(
        self, reader: StreamReader, projection: InstanceProjection, *, reach: int = PAST_MAX
    ) -> None:
        self._reader = reader
        self._projection = projection
        self._reach = reach
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._waiting = 0

    async def instances(self, at: int | None, moment: datetime | None) -> InstanceList:
        """Return the instances as of the sequence ``at``, or of the last event up to ``moment``.

        Of an instance whose event of then is no longer stored, the state is that of its next event: before an
        event expires, its state is stored again.

        Raises:
            FaultError: ``invalid_request``: it is in the future, no longer stored, or too far back; the
                message names the oldest possible one. ``overloaded``: too many requests are waiting.
            UnavailableError: the broker did not reply.
        """
        if self._waiting >= _WAITING_MAX:
            raise refuse(ErrorCode.OVERLOADED, "too many moments of the past are being read")
        self._waiting += 1
        try:
            async with self._slots:
                return await self._read(await self._seq_of(moment) if at is None else at)
        finally:
            self._waiting -= 1

    async def _read(self, at: int) -> InstanceList:
        first = await self._check(at)
        epoch, known = self._projection.epoch, self._projection.instances()
        since = await self._since(at, min(at, self._projection.head) + 1)
        states = await self._states(sorted(since.touched), at)
        found = {one.id: one for one in known if one.id not in since.touched}
        for instance_id in since.touched:
            event = states.get(instance_id)
            then = apply(event) if event is not None else None
            if event is None and first > 1 and instance_id in since.first:
                then = _before(since.first[instance_id])
            if then is not None:
                found[instance_id] = then
        stored = await self._reader.at(at)
        return InstanceList(
            seq=at,
            epoch=epoch,
            timestamp=None if stored is None else to_milliseconds(stored.at),
            instances=tuple(found[instance_id] for instance_id in sorted(found)),
        )

    async def _check(self, at: int) -> int:
        """Check that a sequence can be shown; return the first one of the stream."""
        bounds = await self._reader.bounds()
        if at > bounds.last:
            raise _invalid(f"is in the future: the last sequence is {bounds.last}")
        if at < bounds.first:
            raise _invalid(f"is no longer stored: the oldest sequence is {bounds.first}")
        if await self._reader.count(CLOUD_EVENTS, start=at + 1) > self._reach:
            oldest = await oldest_within(self._reader, CLOUD_EVENTS, self._reach)
            raise _invalid(
                f"is too far back: more than {self._reach} events followed; the oldest sequence is {oldest}"
            )
        return bounds.first

    async def _since(self, at: int, start: int) -> _Since:
        """Read all events from ``start`` on."""
        since, read = _Since(), 0
        while batch := await self._reader.page(CLOUD_EVENTS, start=start, count=BATCH):
            for stored in batch:
                since.add(stored, at)
            start, read = batch[-1].seq + 1, read + len(batch)
            if len(batch) < BATCH:
                break
            if read > 2 * self._reach:
                raise UnavailableError("this process has not seen the latest events yet")
        return since

    async def _states(self, ids: list[str], at: int) -> dict[str, InstanceEvent]:
        """Return the last event of each instance up to a sequence."""
        found: dict[str, InstanceEvent] = {}
        for start in range(0, len(ids), _STATES):
            subjects = [instance_events(one) for one in ids[start : start + _STATES]]
            for stored in await self._reader.last_of(subjects, up_to=at):
                event = _event_in(stored)
                if event is not None:
                    found[event.instance_id] = event
        return found

    async def _seq_of(self, moment: datetime | None) -> int:
        """Return the sequence of the last event that was stored up to a moment; None: of the last one."""
        bounds = await self._reader.bounds()
        if moment is None:
            return bounds.last
        low, high = bounds.first, bounds.last + 1
        while low < high:
            middle = (low + high) // 2
            page = await self._reader.page(CLOUD_EVENTS, start=middle, count=1)
            if page and page[0].seq < high and page[0].at <= moment:
                low = page[0].seq + 1
            else:
                high = middle
        if low > bounds.first:
            return low - 1
        oldest = await self._reader.page(CLOUD_EVENTS, start=bounds.first, count=1)
        since = f"the oldest event is of {rfc3339(oldest[0].at)}" if oldest else "there are no events"
        raise refuse(ErrorCode.INVALID_REQUEST, f"time: is too far back: {since}", field="time")


def _event_in(stored: StreamMessage) -> InstanceEvent | None:
    try:
        return INSTANCE_EVENT.read(stored.data)
    except ContractError:
        return None  # the projection has counted and logged it


def _before(event: InstanceEvent) -> Instance | None:
    """Return an instance before an event whose predecessors are no longer stored; None: it begins with it.

    An event that begins an operation does not change the state, and one that stores it again neither.
    """
    if event.type is EventType.RETAINED:
        return apply(event)
    if event.type is EventType.ADOPTED or event.command in CREATING:
        return None
    after = apply(event)
    return None if after is None else after.model_copy(update={"pending": None})


def _invalid(reason: str) -> FaultError:
    return refuse(ErrorCode.INVALID_REQUEST, f"at: {reason}", field="at")
