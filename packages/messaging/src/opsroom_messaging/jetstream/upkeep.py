"""Upkeep of the streams and the consumer of a service: what is missing is created again.

They can go while the service runs: an operator deletes one, or the broker comes back with an empty disk.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.errors import BrokerUnusableError, UnavailableError
from opsroom_messaging.jetstream.streams import StreamSpec, ensure_stream
from opsroom_runtime import ticks
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.process import run_tasks

_CHECK_SECONDS = 5.0
_FIRST_RETRY_SECONDS = 0.5
_OPTIONAL_RETRY_SECONDS = 120.0

log = logging.getLogger(__name__)


class Kept(Protocol):
    """Something at the broker that must exist. ``name``: for the log, such as ``stream CHAT``."""

    @property
    def name(self) -> str:
        """A name for the log."""

    async def ensure(self, broker: NatsConnection) -> None:
        """Create it, or give an existing one the right configuration. Raises BrokerUnusableError."""

    async def exists(self, broker: NatsConnection) -> bool:
        """Whether it exists. Raises UnavailableError without a reply."""


class KeptStream:
    """A stream that must exist."""

    def __init__(self, spec: StreamSpec) -> None:
        self._spec = spec

    @property
    def name(self) -> str:
        """A name for the log."""
        return f"stream {self._spec.name}"

    async def ensure(self, broker: NatsConnection) -> None:
        """Create the stream, or update an existing one."""
        await ensure_stream(broker, self._spec)

    async def exists(self, broker: NatsConnection) -> bool:
        """Whether the stream exists."""
        try:
            await broker.jetstream.stream_info(self._spec.name)
        except NotFoundError:
            return False
        except (JetStreamError, NatsError, TimeoutError) as error:
            raise UnavailableError(f"looking for {self.name}: {describe(error)}") from error
        return True


class Upkeep:
    """Creates what a service needs at the broker, and creates it again if it is missing.

    ``required``: in the order of creation; while one is missing, the process is not ready. ``optional``: a
    stream that the service can do without, which a broker with the permissions of an older release denies.
    """

    def __init__(
        self, broker: NatsConnection, required: Sequence[Kept], *, optional: StreamSpec | None = None
    ) -> None:
        self._broker = broker
        self._required = required
        self._optional = None if optional is None else KeptStream(optional)
        self._missing: set[str] = set()
        self._required_wake, self._optional_wake = asyncio.Event(), asyncio.Event()
        self.has_optional = False
        """Whether the optional stream exists."""
        broker.on_reconnect(self.check_now)
        broker.readiness.add(self.problem)

    def problem(self) -> str | None:
        """What is missing; None if nothing is."""
        missing = (kept.name for kept in self._required if kept.name in self._missing)
        return next((f"{name} is missing" for name in missing), None)

    def check_now(self) -> None:
        """Look soon: something seems to be missing."""
        self._required_wake.set()
        self._optional_wake.set()

    async def create(self) -> None:
        """Create or update everything that is required.

        Raises:
            BrokerUnusableError: the broker rejected it.
        """
        for kept in self._required:
            await kept.ensure(self._broker)

    async def run(self) -> None:
        """Look for what is missing, and create it again, until cancelled."""
        tasks = {"required streams": self._keep_required()}
        if self._optional is not None:
            tasks["optional stream"] = self._keep_optional()
        async with run_tasks(None, **tasks) as failed:
            await failed.wait()

    async def _keep_required(self) -> None:
        failure_log = FailureLog(log, "looking for what is missing at the broker")
        while True:
            backoff = _FIRST_RETRY_SECONDS * 2 ** min(failure_log.failures, 10)
            await _wait(
                self._required_wake, min(backoff, _CHECK_SECONDS) if failure_log.failures else _CHECK_SECONDS
            )
            if not self._broker.connected:
                continue
            errors: list[Exception] = []
            for kept in self._required:
                try:
                    await self._restore(kept)
                except (UnavailableError, BrokerUnusableError) as error:
                    errors.append(error)
            if errors:
                failure_log.failed(str(errors[0]))
            else:
                failure_log.succeeded()

    async def _restore(self, kept: Kept) -> None:
        if await kept.exists(self._broker):
            self._missing.discard(kept.name)
            return
        if kept.name not in self._missing:
            self._missing.add(kept.name)
            log.warning("%s is missing at the broker: creating it again", kept.name)
        await kept.ensure(self._broker)
        self._missing.discard(kept.name)
        log.warning("%s was created again", kept.name)

    async def _keep_optional(self) -> None:
        kept = self._optional
        while kept is not None:
            try:
                if not await kept.exists(self._broker):
                    await kept.ensure(self._broker)
                self.has_optional = True
            except (UnavailableError, BrokerUnusableError) as error:
                if not self.has_optional and self._broker.connected:
                    log.warning(
                        "%s can't be used; does the broker have this release's permissions? %s",
                        kept.name,
                        error,
                    )
            await _wait(self._optional_wake, _CHECK_SECONDS if self.has_optional else _OPTIONAL_RETRY_SECONDS)


async def _wait(wake: asyncio.Event, seconds: float) -> None:
    """Wait until ``wake`` is set, which is then cleared, but for ``seconds`` at most."""
    try:
        async with asyncio.timeout_at(ticks.next_tick(seconds)):
            await wake.wait()
    except TimeoutError:
        pass
    wake.clear()
