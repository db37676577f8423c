"""The lease of a provider's agent: one process at a time acts for a provider, and the others stand by."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from nats.js.api import Header

from opsroom_contracts.agents.records import AGENT_LEASE, LEASE_SECONDS, RENEW_SECONDS, AgentLease
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.subjects import AGENTS_STREAM, agent_lease
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.broker_clock import monotonic_seconds
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.write_health import store
from opsroom_runtime.failure_log import FailureLog

_NO_MESSAGE = 0
"""The last sequence of a subject without messages."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """Times in seconds.

    ``lifetime``: how long the broker keeps a lease, in whole seconds. ``margin``: how much earlier its holder
    stops, so that a step that it has begun ends in time. ``renew``: the interval of renewals. ``retry``:
    between failed attempts, and between the looks of a process that stands by.
    """

    lifetime: int = LEASE_SECONDS
    margin: float = 2.0
    renew: float = RENEW_SECONDS
    retry: float = 1.0


class ProviderLease:
    """The lease of ``provider``, for the process with the id ``process``.

    Each write has the last sequence of the subject as a guard, so that of two processes one gets the lease.
    The broker removes a lease that is not renewed. Its holder counts from the moment before it sent the last
    renewal, and with a clock that includes the time in suspend, so it stops before another one can begin.
    """

    def __init__(
        self,
        broker: NatsConnection,
        provider: str,
        process: str,
        *,
        timing: LeaseTiming = LeaseTiming(),
        clock: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._broker = broker
        self._provider = provider
        self._process = process
        self._timing = timing
        self._clock = clock
        self._subject = agent_lease(provider)
        self._reader = StreamReader(broker, AGENTS_STREAM)
        self._failures = FailureLog(log, f"renewing the lease of provider {provider}")
        self._seq = _NO_MESSAGE
        self._valid_until = 0.0

    @property
    def held(self) -> bool:
        """Whether this process may act for the provider at this moment."""
        return self._clock() < self._valid_until

    def check(self) -> None:
        """Check that this process may act for the provider; call it before each step that changes something.

        Raises:
            FaultError: ``unavailable``: it does not hold the lease.
        """
        if not self.held:
            raise refuse(
                ErrorCode.UNAVAILABLE, f"this agent does not hold the lease of provider {self._provider}"
            )

    async def acquire(self) -> None:
        """Wait until this process holds the lease."""
        standing_by = False
        while True:
            try:
                holder = await self._take()
            except UnavailableError as error:
                self._failures.failed(str(error))
            else:
                self._failures.succeeded()
                if holder is None:
                    return
                if not standing_by:
                    log.info("standing by: process %s holds the lease of %s", holder, self._provider)
                    standing_by = True
            await asyncio.sleep(self._timing.retry)

    async def keep(self) -> str:
        """Renew the lease until it is lost; return why it was."""
        try:
            while True:
                async with asyncio.timeout(max(0.0, self._valid_until - self._clock())):
                    if not await self._renew():
                        self._valid_until = 0.0
                        return "another process has it"
        except TimeoutError:
            return "it could not be renewed in time"

    async def release(self) -> None:
        """Give the lease back, so that another process need not wait until it expires."""
        self._valid_until = 0.0
        try:
            await self._write(AgentLease(process=self._process, released=True))
        except (ConflictError, UnavailableError) as error:
            log.info("the lease of %s was not released and will expire: %s", self._provider, error)

    async def _renew(self) -> bool:
        """Wait for the next renewal and do it, however often that takes; return False if it is lost."""
        await asyncio.sleep(self._timing.renew)
        while True:
            try:
                holder = await self._extend()
            except UnavailableError as error:
                self._failures.failed(str(error))
                await asyncio.sleep(self._timing.retry)
            else:
                self._failures.succeeded()
                return holder is None

    async def _extend(self) -> str | None:
        try:
            await self._hold(self._seq)
        except ConflictError:
            return await self._take_own()
        return None

    async def _take_own(self) -> str | None:
        """After a conflict: take note of a renewal whose reply was lost. Returns another holder, if any."""
        last = await self._reader.last(self._subject)
        holder = _holder(last)
        if last is None or holder != self._process:
            return holder or "unknown"
        return await self._take_after(last)

    async def _take(self) -> str | None:
        """Take the lease if it is free. Returns its holder if it is not."""
        last = await self._reader.last(self._subject)
        holder = _holder(last)
        if holder is not None and holder != self._process:
            return holder
        return await self._take_after(last)

    async def _take_after(self, last: StreamMessage | None) -> str | None:
        try:
            await self._hold(_NO_MESSAGE if last is None else last.seq)
        except ConflictError:
            return "unknown"
        return None

    async def _hold(self, expected: int) -> None:
        self._seq = expected
        sent_at = self._clock()
        await self._write(AgentLease(process=self._process))
        self._valid_until = sent_at + self._timing.lifetime - self._timing.margin

    async def _write(self, lease: AgentLease) -> None:
        headers = {
            Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(self._seq),
            Header.MSG_TTL.value: f"{self._timing.lifetime}s",
        }
        self._seq = await store(self._broker, self._subject, encode(lease), headers)


def _holder(last: StreamMessage | None) -> str | None:
    """The process that holds the lease; None if nobody does."""
    if last is None:
        return None
    try:
        lease = AGENT_LEASE.read(last.data)
    except ContractError:
        return "unknown"  # of a newer release; the broker removes it if it is not renewed
    return None if lease.released else lease.process
