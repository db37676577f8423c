"""Working through the messages of a durable consumer that many processes share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.connection import Broker, describe
from opsroom_messaging.stored import Stored

_FETCH_SECONDS = 2.0
_FETCH_COUNT = 500
_RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Worker:
    """Fetches from a shared durable consumer and handles side by side what one fetch brought.

    A message is acknowledged once ``handle`` returned; if it raised, or the process died, it comes again.
    So ``handle`` must be idempotent.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        stream: str,
        durable: str,
        subject: str,
        handle: Callable[[Stored], Awaitable[None]],
    ) -> None:
        self._broker = broker
        self._stream = stream
        self._durable = durable
        self._subject = subject
        self._handle = handle

    async def run(self) -> None:
        """Work until cancelled; what is in hand then is finished first."""
        while True:
            try:
                await self._work()
            except (JetStreamError, NatsError, OSError) as error:
                log.info("fetching from %s again: %s", self._stream, describe(error))
                await asyncio.sleep(0.2)

    async def _work(self) -> None:
        subscription = await self._broker.jetstream.pull_subscribe_bind(
            durable=self._durable, stream=self._stream
        )
        interrupted = asyncio.Event()
        self._broker.on_reconnect(interrupted.set)
        try:
            while not interrupted.is_set():
                try:
                    messages = await subscription.fetch(_FETCH_COUNT, timeout=_FETCH_SECONDS)
                except TimeoutError:
                    continue
                await _finish(asyncio.gather(*(self._settle(message) for message in messages)))
        finally:
            if self._broker.connected:
                await subscription.unsubscribe()

    async def _settle(self, message: Msg) -> None:
        metadata = message.metadata
        try:
            await self._handle(Stored(metadata.sequence.stream, message.subject, message.data))
        except Exception:  # the boundary: it comes again, the others go on
            log.exception("a message on %s could not be handled; it will be tried again", message.subject)
            await message.nak(delay=_RETRY_SECONDS)
        else:
            await message.ack()


async def _finish(work: "asyncio.Future[list[None]]") -> None:
    """Wait for ``work``, and when cancelled wait for it all the same before passing that on."""
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work], timeout=5.0)
        raise
