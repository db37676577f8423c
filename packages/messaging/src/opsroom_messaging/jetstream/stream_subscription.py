"""An ordered subscription to a stream: each message once, through restarts of the broker or connection."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol
from uuid import uuid4

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.spans import SpanKind

_HEARTBEAT_SECONDS = 1.0
_MISSED_HEARTBEATS = 3
"""After this many heartbeat intervals without any message, the consumer is considered lost."""
_RESTART_DELAY_SECONDS, _MAX_RESTART_DELAY_SECONDS = 0.2, 2.0
_PENDING_MESSAGES = 65_536
_PENDING_BYTES = 64 * 1024 * 1024
_INACTIVE_SECONDS = 30.0
"""The broker deletes the consumer of a dead process after this time."""

log = logging.getLogger(__name__)


class StartPolicy(Enum):
    """Where a subscription starts, and where it resumes after an interruption."""

    EVENTS = "events"
    """Start at a sequence; resume after the last one seen."""
    STATE = "state"
    """Start and resume with the last message of each subject, since records may have expired meanwhile."""
    STATE_THEN_EVENTS = "state then events"
    """Start with the last message of each subject; resume after the last sequence seen."""


class StreamHandler(Protocol):
    """Receives the messages of a subscription. Called on the event loop, in order; must not block."""

    def on_restart(self, *, reset: bool) -> None:
        """Called before each (re)start. ``reset``: discard the state; else the messages continue."""

    def on_message(self, message: StreamMessage) -> None:
        """Called for each message."""

    def on_synced(self) -> None:
        """Called when everything stored at the (re)start is delivered; later messages are new."""


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """What to subscribe to.

    Attributes:
        stream: the stream's name.
        subjects: subject filters.
        policy: where to start and resume.
        start_seq: the first sequence, for ``StartPolicy.EVENTS``.
    """

    stream: str
    subjects: tuple[str, ...]
    policy: StartPolicy
    start_seq: int = 1


class StreamSubscription:
    """Delivers messages of a stream to a handler until cancelled.

    ``pending_messages``: the size of the receive buffer. If this process is too slow, the client drops
    further messages. The sequence numbers show the gap; it is counted, and the messages are read again.

    Attributes:
        restarts: how often the subscription was restarted, for any reason.
        gaps: how often messages were missing, because this process or the connection was too slow.
    """

    def __init__(
        self,
        broker: NatsConnection,
        spec: SubscriptionSpec,
        handler: StreamHandler,
        *,
        pending_messages: int = _PENDING_MESSAGES,
    ) -> None:
        self._broker = broker
        self._spec = spec
        self._handler = handler
        self._last_seq = spec.start_seq - 1
        self._consumer_seq = 0
        self._last_receive = 0.0
        self._catching_up = True
        self._stream_created: datetime | None = None
        self._interrupted = asyncio.Event()
        self._generation: object | None = None
        self._seq_waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._ready = asyncio.Event()
        self._pending_messages = pending_messages
        self.restarts = 0
        self.gaps = 0
        broker.on_reconnect(self._interrupted.set)
        self._register_metrics()

    def _register_metrics(self) -> None:
        metrics, labels = self._broker.metrics, (self._spec.stream,)
        metrics.gauge(
            "stream_position", "Last sequence delivered.", lambda: {labels: self._last_seq}, ("stream",)
        )
        metrics.gauge(
            "stream_live", "1 while the subscription is in sync.", lambda: {labels: self.live}, ("stream",)
        )
        metrics.counter_callback(
            "stream_restarts", "Restarts of the subscription.", lambda: {labels: self.restarts}, ("stream",)
        )

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self._spec.stream

    @property
    def last_seq(self) -> int:
        """The last sequence delivered."""
        return self._last_seq

    @property
    def live(self) -> bool:
        """Whether the handler has every message, as far as this process can know."""
        return not self._catching_up and self._broker.connected

    async def ready(self, timeout: float) -> None:
        """Wait until the handler is in sync for the first time.

        Raises:
            TimeoutError: not within ``timeout`` seconds.
        """
        async with asyncio.timeout(timeout):
            await self._ready.wait()

    async def wait_for(self, seq: int, timeout: float) -> bool:
        """Wait until sequence ``seq`` is delivered; False if that takes longer than ``timeout`` seconds."""
        if self._last_seq >= seq:
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._seq_waiters.append((seq, waiter))
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._seq_waiters = [pair for pair in self._seq_waiters if pair[1] is not waiter]
        return True

    async def run(self) -> None:
        """Deliver messages until cancelled; restart after each interruption."""
        failure_log = FailureLog(log, f"the subscription to {self._spec.stream}", level=logging.INFO)
        while True:
            try:
                await self._run_once()
            except (JetStreamError, NatsError, TimeoutError) as error:
                failure_log.failed(describe(error))
                delay = _RESTART_DELAY_SECONDS * failure_log.failures
                await asyncio.sleep(min(delay, _MAX_RESTART_DELAY_SECONDS))
            else:
                failure_log.succeeded()
            self.restarts += 1

    async def _run_once(self) -> None:
        client = self._broker.client
        self._interrupted.clear()
        self._catching_up = True
        self._consumer_seq = 0
        inbox = client.new_inbox()
        subscription = await client.subscribe(
            inbox,
            cb=self._message_callback(),
            pending_msgs_limit=self._pending_messages,
            pending_bytes_limit=_PENDING_BYTES,
        )
        try:
            reset = await self._must_reset()
            config = self._consumer_config(inbox, reset=reset)
            self._handler.on_restart(reset=reset)
            info = await self._broker.jetstream.add_consumer(self._spec.stream, config)
            self._last_receive = asyncio.get_running_loop().time()
            if not info.num_pending and not self._consumer_seq:
                self._set_synced()
            await self._until_interrupted()
        finally:
            self._generation = None
            await unsubscribe_quietly(subscription)  # the broker deletes a consumer that nobody listens to

    async def _must_reset(self) -> bool:
        """Whether to discard the state: at the first start, always for ``STATE``, or if it can't resume."""
        info = await self._broker.jetstream.stream_info(self._spec.stream)
        same_stream = self._stream_created == info.created
        self._stream_created = info.created
        if same_stream and self._spec.policy is not StartPolicy.STATE:
            if info.state.first_seq <= self._last_seq + 1:
                return False
            log.warning("stream %s no longer has sequence %d", self._spec.stream, self._last_seq + 1)
        self._last_seq = max(self._spec.start_seq, info.state.first_seq) - 1
        return True

    def _consumer_config(self, inbox: str, *, reset: bool) -> ConsumerConfig:
        from_state = reset and self._spec.policy is not StartPolicy.EVENTS
        return ConsumerConfig(
            name=uuid4().hex,
            deliver_subject=inbox,
            filter_subjects=list(self._spec.subjects),
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT if from_state else DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=None if from_state else self._last_seq + 1,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=_HEARTBEAT_SECONDS,
            inactive_threshold=_INACTIVE_SECONDS,
            mem_storage=True,
            num_replicas=1,
        )

    async def _until_interrupted(self) -> None:
        """Return after a reconnect, a gap, or three missed heartbeats.

        Missed heartbeats are counted in iterations of the event loop, so that a stalled process does not
        blame the broker.
        """
        missed, last_receive = 0, self._last_receive
        while missed < _MISSED_HEARTBEATS:
            try:
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    await self._interrupted.wait()
                return
            except TimeoutError:
                missed = missed + 1 if self._last_receive == last_receive else 0
                last_receive = self._last_receive
        log.warning("no heartbeat from stream %s; restarting the subscription", self._spec.stream)

    def _message_callback(self) -> Callable[[Msg], Awaitable[None]]:
        """A new callback for each (re)start; it ignores messages that arrive after its subscription ended."""
        generation = self._generation = object()
        received = 0

        async def on_message(message: Msg) -> None:
            nonlocal received
            if generation is not self._generation or self._interrupted.is_set():
                return
            self._last_receive = asyncio.get_running_loop().time()
            if message.headers is not None and "Status" in message.headers:
                await self._handle_control_message(message, received)
                return
            fields = message.reply.split(".")
            # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[...]
            offset = 2 if len(fields) == 9 else 4
            received += 1
            if int(fields[offset + 4]) != received:
                self._on_gap()
                return
            self._consumer_seq = received
            stored_at = datetime.fromtimestamp(int(fields[offset + 5]) / 1e9, UTC)
            pending = int(fields[offset + 6])
            stored = StreamMessage(int(fields[offset + 3]), message.subject, message.data, pending, stored_at)
            if self._broker.tracer.enabled and message.headers and not self._catching_up:
                with self._broker.tracer.span(
                    f"take {self._spec.stream}", SpanKind.CONSUMER, message.headers, seq=stored.seq
                ):
                    self._deliver(stored)
            else:
                self._deliver(stored)

        return on_message

    async def _handle_control_message(self, message: Msg, received: int) -> None:
        if message.reply:  # flow control: the broker pauses until this reply
            await self._broker.client.publish(message.reply)
            return
        headers = message.headers or {}
        if int(headers.get("Nats-Last-Consumer", received)) > received:
            self._on_gap()
        elif stalled := headers.get("Nats-Consumer-Stalled"):  # its flow control request was dropped
            await self._broker.client.publish(stalled)

    def _on_gap(self) -> None:
        self.gaps += 1
        log.warning("missed a message of %s; restarting the subscription", self._spec.stream)
        self._interrupted.set()

    def _deliver(self, message: StreamMessage) -> None:
        try:
            self._handler.on_message(message)
        except Exception:  # the boundary: one message must not end the subscription
            log.exception("handling a message on %s (sequence %d) failed", message.subject, message.seq)
        self._last_seq = message.seq
        if self._catching_up and not message.pending:
            self._set_synced()
        if self._seq_waiters:
            for seq, waiter in self._seq_waiters:
                if seq <= message.seq and not waiter.done():
                    waiter.set_result(None)

    def _set_synced(self) -> None:
        self._catching_up = False
        self._handler.on_synced()
        self._ready.set()
