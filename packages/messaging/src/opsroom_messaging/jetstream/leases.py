"""Leases of gateway processes: renewed while they run, expired soon after they die."""

import asyncio
import logging

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from opsroom_messaging.jetstream.write_health import WriteHealth
from opsroom_runtime import ticks
from opsroom_runtime.failure_log import FailureLog

RENEW_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_STREAM = f"KV_{subjects.GATEWAYS_BUCKET}"
_PREFIX = f"$KV.{subjects.GATEWAYS_BUCKET}."
_PAGE_SIZE = 500

log = logging.getLogger(__name__)


def lease_subject(gateway: str) -> str:
    """The subject of the lease of ``gateway``."""
    return _PREFIX + gateway


class GatewayLease:
    """The lease of one gateway process. The process is ready only while its renewals land."""

    def __init__(self, broker: NatsConnection, gateway: str) -> None:
        self._broker = broker
        self._gateway = gateway
        self._health = WriteHealth(broker)
        self._health.expect(_STREAM)
        self._failures = FailureLog(log, f"renewing the lease of gateway {gateway}")
        self._renew = asyncio.Event()
        broker.on_reconnect(self._renew.set)
        broker.on_write_failure(lambda _: self._renew.set())

    async def acquire(self) -> None:
        """Acquire or renew the lease.

        Raises:
            UnavailableError: the broker did not store it.
        """
        if not await self._health.probe(_STREAM, lease_subject(self._gateway)):
            raise UnavailableError(
                f"acquiring the lease of gateway {self._gateway}: {self._health.failing.get(_STREAM)}"
            )

    async def run(self) -> None:
        """Renew periodically, and at once after a reconnect, until cancelled; then release the lease."""
        try:
            while True:
                self._renew.clear()
                try:
                    interval = _RETRY_SECONDS if self._health.failing else RENEW_SECONDS
                    async with asyncio.timeout_at(ticks.next_tick(interval)):
                        await self._renew.wait()
                except TimeoutError:
                    pass
                try:
                    await self.acquire()
                except UnavailableError as error:
                    self._failures.failed(str(error))
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    self._failures.succeeded()
        finally:
            await self._release()

    async def _release(self) -> None:
        if not self._broker.connected:
            return  # it will expire
        try:
            await (await _bucket(self._broker)).purge(self._gateway)
        except (JetStreamError, NatsError, TimeoutError) as error:
            log.info("the lease of gateway %s was not released and will expire: %s", self._gateway, error)


async def live_gateways(broker: NatsConnection) -> frozenset[str]:
    """The ids of the gateways that hold a lease.

    Reads without a consumer: this is called often, and a cluster must reach a consensus for each consumer.

    Raises:
        UnavailableError: the broker did not reply.
    """
    reader = StreamReader(broker, _STREAM)
    leases: list[StreamMessage] = []
    while page := await reader.page(
        f"{_PREFIX}>", start=leases[-1].seq + 1 if leases else 1, count=_PAGE_SIZE
    ):
        leases += page
        if len(page) < _PAGE_SIZE:
            break
    return frozenset(lease.subject.removeprefix(_PREFIX) for lease in leases if not lease.deleted)


async def _bucket(broker: NatsConnection) -> KeyValue:
    return await broker.jetstream.key_value(subjects.GATEWAYS_BUCKET)
