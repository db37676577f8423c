"""Processing the messages of a stream one after another, by whichever process is there.

The durable consumer hands out one message at a time, and no other before that is acknowledged. So any number
of processes keep the order, and what a process had taken when it died goes to another one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_messaging.errors import OverloadedError, UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.process import cancel_and_wait
from opsroom_runtime.spans import SpanKind

_FETCH_SECONDS = 30.0
_RETRY_SECONDS, _MAX_RETRY_SECONDS = 0.2, 5.0
_AGAIN_SECONDS = 1.0
"""When a message is delivered again that could not be handled because the broker did not respond."""
_INACTIVE_SECONDS = 3 * 86_400.0
"""The broker deletes a consumer from which nobody has taken anything for so long."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SerialConsumer:
    """A durable consumer that hands out one message at a time.

    ``durable``: its name. ``subjects``: what it delivers. ``ack_wait``: seconds after which a message that
    was not acknowledged goes to another process.
    """

    stream: str
    durable: str
    subjects: tuple[str, ...]
    ack_wait: float


@dataclass(frozen=True, slots=True)
class StartAt:
    """Where a new consumer begins: at a sequence, or with what was stored at ``moment`` or later."""

    seq: int = 1
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was taken. ``attempts``: how often it was handed out, this time included."""

    message: StreamMessage
    attempts: int


class SerialWorker:
    """Takes messages from a consumer, and creates it if it is missing.

    ``start``: asked for where it begins. ``handle``: returns None if the message is done, or after how many
    seconds it shall be handed out again. If it raises, or the process dies, the message is handed out again,
    too.
    """

    def __init__(
        self,
        broker: NatsConnection,
        consumer: SerialConsumer,
        *,
        start: Callable[[], Awaitable[StartAt]],
        handle: Callable[[Taken], Awaitable[float | None]],
    ) -> None:
        self._broker = broker
        self._consumer = consumer
        self._start = start
        self._handle = handle
        self._interrupted = asyncio.Event()

    def interrupt(self) -> None:
        """Ask again: the connection was lost, and what was asked before may be forgotten."""
        self._interrupted.set()

    async def run(self) -> None:
        """Process messages until cancelled."""
        failure_log = FailureLog(log, f"taking from {self._consumer.durable}", level=logging.INFO)
        while True:
            try:
                await self._ensure()
                await self._take_until_interrupted(failure_log)
            except (JetStreamError, NatsError, OSError, TimeoutError, UnavailableError) as error:
                failure_log.failed(describe(error))
                await asyncio.sleep(min(_RETRY_SECONDS * failure_log.failures, _MAX_RETRY_SECONDS))

    async def _ensure(self) -> None:
        """Create the consumer unless it exists; of two processes that do so at once, one does."""
        jetstream, one = self._broker.jetstream, self._consumer
        try:
            config = (await jetstream.consumer_info(one.stream, one.durable)).config
            if {*(config.filter_subjects or ()), config.filter_subject} - {None, ""} != set(one.subjects):
                # A release has added subjects; messages on them count from now on.
                changed = config.evolve(filter_subject=None, filter_subjects=list(one.subjects))
                await jetstream.add_consumer(one.stream, changed)
        except NotFoundError:
            await jetstream.add_consumer(one.stream, _config(one, await self._start()))

    async def _take_until_interrupted(self, failure_log: FailureLog) -> None:
        self._interrupted.clear()
        subscription = await self._broker.jetstream.pull_subscribe_bind(
            durable=self._consumer.durable, stream=self._consumer.stream
        )
        try:
            while not self._interrupted.is_set():
                message = await self._next(subscription)
                failure_log.succeeded()
                if message is not None:
                    await self._handle_and_acknowledge(message)
        finally:
            await unsubscribe_quietly(subscription)

    async def _next(self, subscription: JetStreamContext.PullSubscription) -> Msg | None:
        """Return the next message; None: there is none yet, or the connection was lost meanwhile."""
        fetch = asyncio.create_task(subscription.fetch(1, timeout=_FETCH_SECONDS))
        interrupted = asyncio.create_task(self._interrupted.wait())
        try:
            await asyncio.wait({fetch, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            return fetch.result()[0] if fetch.done() else None
        except TimeoutError:
            return None
        finally:
            await cancel_and_wait([fetch, interrupted])

    async def _handle_and_acknowledge(self, message: Msg) -> None:
        stored = StreamMessage(
            message.metadata.sequence.stream, message.subject, message.data, at=message.metadata.timestamp
        )
        stream, again = self._consumer.stream, None
        try:
            with self._broker.tracer.span(f"take {stream}", SpanKind.CONSUMER, message.headers or {}):
                again = await self._handle(Taken(stored, message.metadata.num_delivered or 1))
        except (UnavailableError, OverloadedError) as error:
            log.info("%d of %s will be handled again: %s", stored.seq, stream, describe(error))
            again = _AGAIN_SECONDS
        except Exception:  # the boundary: the message is handed out again
            log.exception("handling %d of %s failed; it will be repeated", stored.seq, stream)
            again = self._consumer.ack_wait
        await (message.ack() if again is None else message.nak(delay=again))


def _config(consumer: SerialConsumer, start: StartAt) -> ConsumerConfig:
    by_time = start.moment is not None
    return ConsumerConfig(
        durable_name=consumer.durable,
        filter_subjects=list(consumer.subjects),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=consumer.ack_wait,
        max_ack_pending=1,
        max_deliver=-1,
        inactive_threshold=_INACTIVE_SECONDS,
        deliver_policy=DeliverPolicy.BY_START_TIME if by_time else DeliverPolicy.BY_START_SEQUENCE,
        opt_start_time=start.moment,
        opt_start_seq=None if by_time else max(start.seq, 1),
    )
