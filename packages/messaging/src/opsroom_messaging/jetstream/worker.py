"""Processing the messages of a durable consumer that many processes share."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_messaging.errors import OverloadedError, UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.streams import rejection
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.spans import SpanKind
from opsroom_runtime.task_pool import TaskPool

_FETCH_SECONDS = 2.0
_FETCH_COUNT = 500
_RETRY_SECONDS, _MAX_RETRY_SECONDS = 0.2, 2.0
_REDELIVERY_SECONDS, _MAX_REDELIVERY_SECONDS = 1.0, 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerConsumer:
    """A durable consumer that all processes of a service share, by default that of due operations.

    ``ack_wait``: seconds after which an unacknowledged message is redelivered to another worker.
    ``max_pending``: how many messages may be unacknowledged at once. ``subject``: what it delivers.
    """

    ack_wait: float
    max_pending: int
    stream: str = subjects.CLOUD_STREAM
    durable: str = subjects.CLOUD_WORKERS
    subject: str = subjects.CLOUD_DUE

    @property
    def name(self) -> str:
        """A name for the log."""
        return f"consumer {self.durable}"

    async def ensure(self, broker: NatsConnection) -> None:
        """Create the consumer, or give an existing one this configuration.

        Raises:
            BrokerUnusableError: the broker rejected it.
        """
        try:
            await broker.jetstream.add_consumer(self.stream, self._config())
        except (JetStreamError, NatsError, TimeoutError) as error:
            raise rejection(f"the broker rejected the {self.name}: {describe(error)}", error) from error

    async def exists(self, broker: NatsConnection) -> bool:
        """Whether the consumer exists and delivers what it should.

        Raises:
            UnavailableError: no reply.
        """
        try:
            info = await broker.jetstream.consumer_info(self.stream, self.durable)
        except NotFoundError:
            return False
        except (JetStreamError, NatsError, TimeoutError) as error:
            raise UnavailableError(f"looking for the {self.name}: {describe(error)}") from error
        wanted, found = self._config(), info.config
        return (found.durable_name, found.filter_subject, found.ack_wait, found.max_ack_pending) == (
            wanted.durable_name,
            wanted.filter_subject,
            wanted.ack_wait,
            wanted.max_ack_pending,
        )

    def _config(self) -> ConsumerConfig:
        return ConsumerConfig(
            durable_name=self.durable,
            filter_subject=self.subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait,
            max_ack_pending=self.max_pending,
            max_deliver=-1,
        )


@dataclass(frozen=True, slots=True)
class WorkerPace:
    """How a worker handles messages.

    ``concurrency``: how many at once. ``keep_seconds``: after how long, and how often from then on, the
    broker is notified that a message is still worked on, so that nobody else gets it; less than half of the
    consumer's ``ack_wait``. None: never.
    """

    concurrency: int = 2_000
    keep_seconds: float | None = None


class Worker:
    """Fetches from a shared durable consumer and handles several messages at once.

    A message is acknowledged after ``handle`` returns. If ``handle`` raises, or the process dies, the message
    is redelivered, so ``handle`` must be idempotent. A slow message does not delay others while slots are
    free. ``on_failure`` is called when fetching fails: the consumer may be missing.
    """

    def __init__(
        self,
        broker: NatsConnection,
        *,
        stream: str,
        durable: str,
        handle: Callable[[StreamMessage], Awaitable[None]],
        on_failure: Callable[[], None] = lambda: None,
        pace: WorkerPace = WorkerPace(),
    ) -> None:
        self._broker = broker
        self._stream = stream
        self._durable = durable
        self._handle = handle
        self._pool = TaskPool(pace.concurrency)
        self._on_failure = on_failure
        self._keep_seconds = pace.keep_seconds
        self._reconnected = asyncio.Event()
        broker.on_reconnect(self._reconnected.set)

    async def run(self) -> None:
        """Process messages until cancelled; then finish those in progress."""
        failure_log = FailureLog(log, f"fetching from {self._stream}", level=logging.INFO)
        try:
            while True:
                try:
                    await self._fetch_until_reconnect(failure_log)
                except (JetStreamError, NatsError, OSError) as error:
                    failure_log.failed(describe(error))
                    self._on_failure()
                    await asyncio.sleep(min(_RETRY_SECONDS * failure_log.failures, _MAX_RETRY_SECONDS))
        finally:
            await self._pool.finish()

    async def _fetch_until_reconnect(self, failure_log: FailureLog) -> None:
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
                    failure_log.succeeded()
                    continue
                failure_log.succeeded()
                for message in messages:
                    self._pool.start(self._handle_and_acknowledge(message))
        finally:
            await unsubscribe_quietly(subscription)

    @asynccontextmanager
    async def _kept(self, message: Msg) -> AsyncIterator[None]:
        """Keep a message from other workers in this block, however long it takes."""
        if self._keep_seconds is None:
            yield
            return
        keeping = asyncio.create_task(_keep(message, self._keep_seconds))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def _handle_and_acknowledge(self, message: Msg) -> None:
        try:
            with self._broker.tracer.span(f"take {self._stream}", SpanKind.CONSUMER, message.headers or {}):
                async with self._kept(message):
                    await self._handle(_received(message))
        except (UnavailableError, OverloadedError) as error:
            log.warning("%s will be retried: %s", message.subject, describe(error))
            acknowledgement = message.nak(delay=_redelivery_delay(message))
        except Exception:  # the boundary: the message is redelivered, and the others go on
            log.exception("handling a message on %s failed; it will be retried", message.subject)
            acknowledgement = message.nak(delay=_redelivery_delay(message))
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


async def _keep(message: Msg, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await message.in_progress()
        except NatsError as error:
            log.info("%s may be delivered again: %s", message.subject, describe(error))


def _received(message: Msg) -> StreamMessage:
    metadata = message.metadata
    return StreamMessage(
        metadata.sequence.stream, message.subject, message.data, deliveries=metadata.num_delivered or 1
    )


def _redelivery_delay(message: Msg) -> float:
    """Seconds until a failed message is delivered again: longer each time, so that a bad one costs little."""
    failures = min(message.metadata.num_delivered or 1, 10)
    return min(_REDELIVERY_SECONDS * 2.0 ** (failures - 1), _MAX_REDELIVERY_SECONDS)
