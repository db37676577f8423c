"""Processing the messages of a durable consumer that many processes share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_messaging.errors import OverloadedError, UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime.spans import SpanKind
from opsroom_runtime.task_pool import TaskPool

_FETCH_SECONDS = 2.0
_FETCH_COUNT = 500
_RECONNECT_DELAY_SECONDS = 0.2
_REDELIVERY_DELAY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Worker:
    """Fetches from a shared durable consumer and handles up to ``concurrency`` messages at once.

    A message is acknowledged after ``handle`` returns. If ``handle`` raises, or the process dies, the message
    is redelivered, so ``handle`` must be idempotent. A slow message does not delay others while slots are
    free.
    """

    def __init__(
        self,
        broker: NatsConnection,
        *,
        stream: str,
        durable: str,
        handle: Callable[[StreamMessage], Awaitable[None]],
        concurrency: int = 2_000,
    ) -> None:
        self._broker = broker
        self._stream = stream
        self._durable = durable
        self._handle = handle
        self._pool = TaskPool(concurrency)
        self._reconnected = asyncio.Event()
        broker.on_reconnect(self._reconnected.set)

    async def run(self) -> None:
        """Process messages until cancelled; then finish those in progress."""
        try:
            while True:
                try:
                    await self._fetch_until_reconnect()
                except (JetStreamError, NatsError, OSError) as error:
                    log.info("fetching from %s failed, retrying: %s", self._stream, describe(error))
                    await asyncio.sleep(_RECONNECT_DELAY_SECONDS)
        finally:
            await self._pool.finish()

    async def _fetch_until_reconnect(self) -> None:
        self._reconnected.clear()
        subscription = await self._broker.jetstream.pull_subscribe_bind(
            durable=self._durable, stream=self._stream
        )
        try:
            while not self._reconnected.is_set():
                count = min(_FETCH_COUNT, await self._pool.wait_for_slot())
                try:
                    messages = await subscription.fetch(count, timeout=_FETCH_SECONDS)
                except TimeoutError:
                    continue
                for message in messages:
                    self._pool.start(self._handle_and_acknowledge(message))
        finally:
            await unsubscribe_quietly(subscription)

    async def _handle_and_acknowledge(self, message: Msg) -> None:
        try:
            with self._broker.tracer.span(f"take {self._stream}", SpanKind.CONSUMER, message.headers or {}):
                await self._handle(
                    StreamMessage(message.metadata.sequence.stream, message.subject, message.data)
                )
        except (UnavailableError, OverloadedError) as error:
            log.warning("%s will be retried: %s", message.subject, describe(error))
            acknowledgement = message.nak(delay=_REDELIVERY_DELAY_SECONDS)
        except Exception:  # the boundary: the message is redelivered, and the others go on
            log.exception("handling a message on %s failed; it will be retried", message.subject)
            acknowledgement = message.nak(delay=_REDELIVERY_DELAY_SECONDS)
        else:
            acknowledgement = message.ack()
        try:
            await acknowledgement
        except NatsError as error:
            log.info(
                "a message on %s was not acknowledged and will be redelivered: %s",
                message.subject,
                describe(error),
            )
