"""Leases of gateway processes: renewed while they live, gone soon after they die."""

import asyncio
import logging

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.kv import KeyValue

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader, UnavailableError

RENEW_SECONDS = 5.0
_PAGE = 500

log = logging.getLogger(__name__)


class GatewayLease:
    """This gateway's own lease."""

    def __init__(self, broker: NatsConnection, gateway: str) -> None:
        self._broker = broker
        self._gateway = gateway
        self._renew = asyncio.Event()
        broker.on_reconnect(self._renew.set)

    async def take(self) -> None:
        """Hold the lease from now on.

        Raises:
            UnavailableError: the broker did not answer.
        """
        try:
            bucket = await _bucket(self._broker)
            await bucket.put(self._gateway, b"")
        except (JetStreamError, NatsError, TimeoutError) as error:
            raise UnavailableError(f"taking the lease of gateway {self._gateway}: {error}") from error

    async def run(self) -> None:
        """Renew until cancelled, at once when the broker is back; then give the lease up."""
        try:
            while True:
                self._renew.clear()
                try:
                    async with asyncio.timeout(RENEW_SECONDS):
                        await self._renew.wait()
                except TimeoutError:
                    pass
                try:
                    await self.take()
                except UnavailableError as error:
                    log.warning("%s", error)
        finally:
            await self._give_up()

    async def _give_up(self) -> None:
        if not self._broker.connected:
            return  # it runs out by itself
        try:
            await (await _bucket(self._broker)).purge(self._gateway)
        except (JetStreamError, NatsError, TimeoutError) as error:
            log.info("the lease of gateway %s will run out by itself: %s", self._gateway, error)


async def live_gateways(broker: NatsConnection) -> frozenset[str]:
    """The gateways that hold a lease now.

    Read without a consumer, as it is asked for all the time: a cluster has to agree on every consumer.

    Raises:
        UnavailableError: the broker did not answer.
    """
    reader = StreamReader(broker, f"KV_{subjects.GATEWAYS_BUCKET}")
    prefix = f"$KV.{subjects.GATEWAYS_BUCKET}."
    found: list[StreamMessage] = []
    while page := await reader.page(f"{prefix}>", start=found[-1].seq + 1 if found else 1, count=_PAGE):
        found += page
        if len(page) < _PAGE:
            break
    return frozenset(lease.subject.removeprefix(prefix) for lease in found if not lease.gone)


async def _bucket(broker: NatsConnection) -> KeyValue:
    return await broker.jetstream.key_value(subjects.GATEWAYS_BUCKET)
