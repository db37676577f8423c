"""Runs of schedules: each gives its commands exactly once, in whatever process, and after crashes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from opsroom_cloud.domain.schedules import latest_time, next_time, run_key
from opsroom_cloud.instances.names import CatchUp
from opsroom_cloud.instances.projection import InstanceProjection, NewerReleaseError
from opsroom_cloud.schedules.projection import ScheduleProjection
from opsroom_cloud.schedules.store import ScheduleStore
from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.cloud.requests import InstanceRequest, OperationReply
from opsroom_contracts.cloud.schedules import (
    SCHEDULE_TARGETS_MAX,
    DueSchedule,
    RunOutcome,
    ScheduleRecord,
    ScheduleRun,
    schedule_actor,
)
from opsroom_contracts.cloud.selectors import matches, read_selector
from opsroom_contracts.errors import RETRYABLE, ErrorCode, FaultError
from opsroom_contracts.serialization.codec import ContractError, contract_of, decode
from opsroom_messaging.errors import ConflictError, RejectedError, UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime.duties import Duty, attempt_all
from opsroom_runtime.metrics import Counter

_DUE = contract_of(DueSchedule)
_EARLY_MAX = timedelta(seconds=10)
"""A due message may be this much earlier than this process's clock; the timer of another time is ignored."""

Change = Callable[[InstanceRequest], Awaitable[OperationReply]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """``late_max``: how late a run that was missed may still be done.

    ``grace``: how late the sweep takes over. ``renew_after``: how old a record may get before it is stored
    again, so that it outlives the retention.
    """

    late_max: timedelta
    grace: timedelta
    renew_after: timedelta


@dataclass(frozen=True, slots=True)
class Servers:
    """All servers, and what accepts each command for one."""

    instances: InstanceProjection
    catch_up: CatchUp
    change: Mapping[Command, Change]


class ScheduleRunner:
    """Gives the commands of schedules that are due.

    A run is repeated until all its commands have an answer. Then the record is stored with the next time,
    guarded by its sequence. Each command has an idempotency key made of the schedule, the time and the
    server, so that repeating it, here or in another process, finds the operation.
    """

    def __init__(
        self,
        store: ScheduleStore,
        projection: ScheduleProjection,
        servers: Servers,
        *,
        clock: Callable[[], datetime],
        policy: RunPolicy,
        runs: Counter,
    ) -> None:
        self._store = store
        self._projection = projection
        self._servers = servers
        self._clock = clock
        self._policy = policy
        self._runs = runs
        self._locks: dict[str, asyncio.Lock] = {}
        self.malformed = 0

    def duties(self, interval: float) -> tuple[Duty, ...]:
        """The periodic work: what the timers have missed, and records that grow old."""
        return (
            Duty("due schedules", self.run_overdue, interval),
            Duty("aging schedules", self.renew, max(interval, 1.0)),
        )

    async def on_due(self, message: StreamMessage) -> None:
        """Handle the due message of a timer.

        Raises:
            UnavailableError: it must be redelivered.
        """
        try:
            due = decode(_DUE, message.data)
        except ContractError as error:
            self.malformed += 1
            log.warning("dropped a malformed due message on %s: %s", message.subject, error)
            return
        await self.run(due.schedule)

    async def run_overdue(self) -> None:
        """Run what is overdue: its due message was lost, or a worker that died holds it.

        Raises:
            TemporaryError: some could not be run.
        """
        moment = self._clock() - self._policy.grace
        names = [
            one.name for one in self._projection.records() if one.next_at is not None and one.next_at < moment
        ]
        await attempt_all([partial(self.run, name) for name in names], expected=(RejectedError,))

    async def renew(self) -> None:
        """Store the records again that are older than half of the retention.

        Raises:
            TemporaryError: some could not be stored.
        """
        aging = self._projection.stored_before(self._clock() - self._policy.renew_after)
        await attempt_all([partial(self._renew, name) for name in aging], expected=(RejectedError,))

    async def run(self, name: str) -> None:
        """Give the commands of a schedule if it is due; waits for a concurrent call.

        Raises:
            UnavailableError: not all commands have an answer; the caller must retry.
        """
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with lock:
                await self._run(name)
        finally:
            if not lock.locked():
                self._locks.pop(name, None)

    async def _run(self, name: str) -> None:
        stored = await self._store.read(name)
        record = None if stored is None else stored.record
        if stored is None or record is None or record.removed or record.next_at is None:
            return
        early = record.next_at - self._clock()
        if early > _EARLY_MAX:
            return  # the timer of an earlier time, which another process has run
        if early > timedelta():
            await asyncio.sleep(early.total_seconds())
        now = self._clock()
        due_at = latest_time(record, now, self._policy.late_max)
        if due_at is None:
            return
        if now - due_at > self._policy.late_max:
            last = ScheduleRun(due_at=due_at, at=now, outcome=RunOutcome.MISSED)
        else:
            last = await self._give(record, due_at)
        ran = record.model_copy(update={"last": last, "next_at": next_time(record, due_at)})
        try:
            await self._store.write(ran, expected=stored.seq)
        except ConflictError:
            return  # another process ran it, or somebody removed it meanwhile
        self._runs.add(last.outcome.value)
        log.info("schedule %s: %s, %d accepted, %d refused", name, last.outcome, last.accepted, last.refused)

    async def _give(self, record: ScheduleRecord, due_at: datetime) -> ScheduleRun:
        """Give all commands of a run.

        Raises:
            UnavailableError: one has no answer yet.
        """
        targets = await self._targets(record)
        if len(targets) > SCHEDULE_TARGETS_MAX:
            code, refused = ErrorCode.INVALID_REQUEST, len(targets)
            return ScheduleRun(
                due_at=due_at, at=self._clock(), outcome=RunOutcome.DONE, refused=refused, code=code
            )
        accepted, codes = 0, list[ErrorCode]()
        for target in targets:
            request = InstanceRequest(
                instance_id=target,
                client_id=run_key(record, due_at, target),
                actor=schedule_actor(record.name),
                identity=record.identity,
                owner=record.owner,
                address=record.address,
            )
            try:
                await self._servers.change[record.command](request)
            except FaultError as error:
                if error.fault.code in RETRYABLE:
                    raise UnavailableError(f"schedule {record.name}: {error}") from error
                codes.append(error.fault.code)
            else:
                accepted += 1
        return ScheduleRun(
            due_at=due_at,
            at=self._clock(),
            outcome=RunOutcome.DONE,
            accepted=accepted,
            refused=len(codes),
            code=codes[0] if codes else None,
        )

    async def _targets(self, record: ScheduleRecord) -> tuple[str, ...]:
        """Return the servers of a run: those that are named, or those that have the labels now."""
        if record.ids is not None:
            return record.ids
        try:
            await self._servers.catch_up()
        except FaultError as error:
            raise UnavailableError(f"schedule {record.name}: {error}") from error
        wanted = read_selector(record.selector or "")
        found = [one for one in self._servers.instances.after(None, _ALL) if matches(wanted, one.labels)]
        return tuple(one.id for one in sorted(found, key=lambda one: (one.name, one.id)))

    async def _renew(self, name: str) -> None:
        try:
            stored = await self._store.read(name)
            if stored is not None and stored.record is not None and stored.record.next_at is not None:
                await self._store.write(stored.record, expected=stored.seq)
        except (ConflictError, NewerReleaseError):
            return  # another process has stored it


_ALL = 10**9
