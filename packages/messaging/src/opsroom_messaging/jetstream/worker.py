"""Working through the messages of a durable consumer that many processes share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.unsubscribe import end
from opsroom_messaging.jetstream.batch_writer import OverloadedError
from opsroom_messaging.jetstream.stream_reader import StreamMessage, UnavailableError
from opsroom_messaging.runtime.task_pool import TaskPool
from opsroom_messaging.runtime.tracing import SpanRole

_FETCH_SECONDS = 2.0
_FETCH_COUNT = 500
_RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Worker:
    """Fetches from a shared durable consumer and handles up to ``at_once`` messages side by side.

    A message is acknowledged once ``handle`` returned; if it raised, or the process died, it comes again.
    So ``handle`` must be idempotent. A slow message holds up only itself while there is room for others.
    """

    def __init__(
        self,
        broker: NatsConnection,
        *,
        stream: str,
        durable: str,
        handle: Callable[[StreamMessage], Awaitable[None]],
        at_once: int = 2_000,
    ) -> None:
        self._broker = broker
        self._stream = stream
        self._durable = durable
        self._handle = handle
        self._crew = TaskPool(at_once)
        self._interrupted = asyncio.Event()
        broker.on_reconnect(self._interrupted.set)

    async def run(self) -> None:
        """Work until cancelled; what is in hand then is finished first."""
        try:
            while True:
                try:
                    await self._work()
                except (JetStreamError, NatsError, OSError) as error:
                    log.info("fetching from %s again: %s", self._stream, describe(error))
                    await asyncio.sleep(0.2)
        finally:
            await self._crew.finish()

    async def _work(self) -> None:
        self._interrupted.clear()
        subscription = await self._broker.jetstream.pull_subscribe_bind(
            durable=self._durable, stream=self._stream
        )
        try:
            while not self._interrupted.is_set():
                count = min(_FETCH_COUNT, await self._crew.wait_for_slot())
                try:
                    messages = await subscription.fetch(count, timeout=_FETCH_SECONDS)
                except TimeoutError:
                    continue
                for message in messages:
                    self._crew.start(self._settle(message))
        finally:
            await end(subscription)

    async def _settle(self, message: Msg) -> None:
        try:
            with self._broker.traces.span(f"take {self._stream}", SpanRole.TAKE, message.headers or {}):
                await self._handle(
                    StreamMessage(message.metadata.sequence.stream, message.subject, message.data)
                )
        except (UnavailableError, OverloadedError) as error:
            log.warning("%s is tried again: %s", message.subject, describe(error))
            answer = message.nak(delay=_RETRY_SECONDS)
        except Exception:  # the boundary: it comes again, the others go on
            log.exception("a message on %s could not be handled; it will be tried again", message.subject)
            answer = message.nak(delay=_RETRY_SECONDS)
        else:
            answer = message.ack()
        try:
            await answer
        except NatsError as error:
            log.info("a message on %s comes again, unanswered: %s", message.subject, describe(error))
