"""An ordered subscription to a stream: each message once, through restarts of the broker or connection.

It also notices when the stream is no longer the one that was read: deleted and created again, restored from a
backup, or purged. The handler then starts over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from uuid import uuid4

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_messaging.jetstream.delivery import Delivery
from opsroom_messaging.jetstream.sequence_waiters import SequenceWaiters
from opsroom_messaging.jetstream.stream_continuity import StreamBehindError, StreamContinuity
from opsroom_messaging.jetstream.stream_handler import StreamHandler
from opsroom_messaging.jetstream.stream_position import Known, ResumeCheck, ResumePoint
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime import ticks
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.spans import SpanKind

_HEARTBEAT_SECONDS = 1.0
_MISSED_HEARTBEATS = 3
"""After this many heartbeat intervals without any message, the consumer may be lost."""
_MAX_UNANSWERED = 3
"""After this many checks without a reply of the broker, the subscription is restarted."""
_HEARTBEATS_PER_CHECK = 2
"""The stream is checked once in this many heartbeat intervals."""
_RESTART_DELAY_SECONDS, _MAX_RESTART_DELAY_SECONDS = 0.2, 2.0
_TURN_MESSAGES = 300
"""After this many messages of a long catch-up, other tasks get a turn: a few milliseconds of work. The client
reads up to 200 in its own turn, so with fewer than that, messages would pile up in the receive buffer."""
_PENDING_MESSAGES = 65_536
_PENDING_BYTES = 64 * 1024 * 1024
_INACTIVE_SECONDS = 30.0
"""The broker deletes the consumer of a dead process after this time."""

log = logging.getLogger(__name__)


class StartPolicy(Enum):
    """Where a subscription starts, and where it resumes after an interruption."""

    EVENTS = "events"
    """Start with the newest messages; resume after the last one seen."""
    STATE = "state"
    """Start and resume with the last message of each subject, since records may have expired meanwhile."""
    STATE_THEN_EVENTS = "state then events"
    """Start with the last message of each subject; resume after the last sequence seen."""


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """What to subscribe to.

    Attributes:
        stream: the stream's name.
        subjects: subject filters.
        policy: where to start and resume.
        newest: how many of the newest sequences to start with, for ``StartPolicy.EVENTS``; None: all.
        resume: where an earlier process was, for ``StartPolicy.EVENTS``; if the stream is still the same, the
            first restart is no reset.
    """

    stream: str
    subjects: tuple[str, ...]
    policy: StartPolicy
    newest: int | None = None
    resume: ResumePoint | None = None


class StreamSubscription:
    """Delivers messages of a stream to a handler until cancelled.

    ``pending_messages``: the size of the receive buffer. If this process is too slow, the client drops
    further messages. The sequence numbers show the gap; it is counted, and the messages are read again.
    ``heartbeat_seconds``: how often the broker sends something even if there is no message; 0.1 or more.
    ``pace``: awaited again and again during a catch-up, so that other tasks get a turn; it may wait, for a
    second or two, until the handler has dealt with what it has.

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
        heartbeat_seconds: float = _HEARTBEAT_SECONDS,
        pace: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._broker = broker
        self._spec = spec
        self._handler = handler
        self._continuity = StreamContinuity(
            broker,
            spec.stream,
            newest=spec.newest,
            always_resets=spec.policy is StartPolicy.STATE,
            resume=spec.resume,
        )
        self._resume_check: ResumeCheck | None = None
        self._consumer_seq = 0
        self._last_receive = 0.0
        self._catching_up = True
        self._interrupted = asyncio.Event()
        self._generation: object | None = None
        self._waiters = SequenceWaiters()
        self._ready = asyncio.Event()
        self._pending_messages = pending_messages
        self._heartbeat_seconds = heartbeat_seconds
        self._pace = pace or _yield_to_others
        self.restarts = 0
        self.gaps = 0
        broker.on_reconnect(self._interrupted.set)
        self._register_metrics()

    def _register_metrics(self) -> None:
        metrics, labels = self._broker.metrics, (self._spec.stream,)
        metrics.gauge(
            "stream_position", "Last sequence delivered.", lambda: {labels: self.last_seq}, ("stream",)
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
        return self._continuity.position.seq

    @property
    def epoch(self) -> str | None:
        """The epoch of the stream that was read; None: it has none yet."""
        return self._continuity.position.epoch

    @property
    def resume_point(self) -> ResumePoint | None:
        """Where a later process may resume; None: it must start over."""
        return self._continuity.position.resume_point

    def start_over(self) -> None:
        """Deliver everything again: the handler has lost its state."""
        self._continuity.start_over()
        self._interrupted.set()

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
        return self.last_seq >= seq or await self._waiters.wait(seq, timeout)

    async def run(self) -> None:
        """Deliver messages until cancelled; restart after each interruption."""
        failure_log = FailureLog(log, f"the subscription to {self._spec.stream}", level=logging.INFO)
        while True:
            try:
                await self._run_once()
            except (JetStreamError, NatsError, TimeoutError, StreamBehindError) as error:
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
            restart, self._resume_check = await self._continuity.restart()
            config = self._consumer_config(inbox, reset=restart.reset)
            self._handler.on_restart(restart)
            info = await self._broker.jetstream.add_consumer(self._spec.stream, config)
            self._last_receive = asyncio.get_running_loop().time()
            if not info.num_pending and not self._consumer_seq:
                self._on_nothing_pending()
            await self._until_interrupted()
        finally:
            self._generation = None
            await unsubscribe_quietly(subscription)  # the broker deletes a consumer that nobody listens to

    def _consumer_config(self, inbox: str, *, reset: bool) -> ConsumerConfig:
        from_state = reset and self._spec.policy is not StartPolicy.EVENTS
        # A known message is delivered once more, to see that it is still the same.
        start = self.last_seq + (1 if self._resume_check is None else 0)
        return ConsumerConfig(
            name=uuid4().hex,
            deliver_subject=inbox,
            filter_subjects=list(self._spec.subjects),
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT if from_state else DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=None if from_state else start,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=self._heartbeat_seconds,
            inactive_threshold=_INACTIVE_SECONDS,
            mem_storage=True,
            num_replicas=1,
        )

    async def _until_interrupted(self) -> None:
        """Return after a reconnect, a gap, the loss of the consumer, or a change of the stream.

        Missed heartbeats are counted in iterations of the event loop, so that a stalled process does not
        blame the broker. A stalled broker sends no heartbeats either: the consumer is lost only if the broker
        replies, and still sends none in the next interval.
        """
        missed, last_receive, beats, unanswered = 0, self._last_receive, 0, 0
        while True:
            try:
                async with asyncio.timeout_at(ticks.next_tick(self._heartbeat_seconds)):
                    await self._interrupted.wait()
                return
            except TimeoutError:
                missed = missed + 1 if self._last_receive == last_receive else 0
                last_receive = self._last_receive
            if missed > _MISSED_HEARTBEATS:
                log.warning("no heartbeat from stream %s; restarting the subscription", self._spec.stream)
                return
            if missed == _MISSED_HEARTBEATS and not await self._broker_replies():
                missed -= 1
                unanswered += 1
                if unanswered == _MAX_UNANSWERED:
                    return
            beats += 1
            if beats % _HEARTBEATS_PER_CHECK == 0 and not self._catching_up and await self._has_changed():
                return

    async def _broker_replies(self) -> bool:
        """Return whether the broker is able to send anything at this moment."""
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                await self._broker.jetstream.stream_info(self._spec.stream)
        except (JetStreamError, NatsError, TimeoutError) as error:
            return isinstance(error, NotFoundError)
        return True

    async def _has_changed(self) -> bool:
        """Return whether the subscription must restart, because the stream was replaced or purged."""
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                return await self._continuity.has_changed(self._handler)
        except (JetStreamError, NatsError, TimeoutError) as error:
            return isinstance(error, NotFoundError)

    def _message_callback(self) -> Callable[[Msg], Awaitable[None]]:
        """A new callback for each (re)start; it ignores messages that arrive after its subscription ended."""
        generation = self._generation = object()
        received = 0

        async def on_message(message: Msg) -> None:
            nonlocal received
            if self._catching_up and received % _TURN_MESSAGES == 0:
                await self._pace()  # the client hands over all that it has, without a turn for others
            if generation is not self._generation or self._interrupted.is_set():
                return
            self._last_receive = asyncio.get_running_loop().time()
            if message.headers is not None and "Status" in message.headers:
                await self._handle_control_message(message, received)
                return
            delivery = Delivery.parse(message)
            received += 1
            if delivery.consumer_seq != received:
                self._on_gap()
                return
            self._consumer_seq = received
            self._on_delivery(message, delivery)

        return on_message

    def _on_delivery(self, message: Msg, delivery: Delivery) -> None:
        check, self._resume_check = self._resume_check, None
        if check is not None:
            if check.disproved_by(delivery.known):
                self._on_other_stream()
                return
            if check.known == delivery.known:  # delivered before
                if self._catching_up and not delivery.pending:
                    self._set_synced()
                return
        stored = delivery.message(message)
        if self._broker.tracer.enabled and message.headers and not self._catching_up:
            with self._broker.tracer.span(
                f"take {self._spec.stream}", SpanKind.CONSUMER, message.headers, seq=stored.seq
            ):
                self._deliver(stored, delivery.known)
        else:
            self._deliver(stored, delivery.known)

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

    def _on_other_stream(self) -> None:
        self._continuity.position.disprove()
        self._interrupted.set()

    def _on_nothing_pending(self) -> None:
        check, self._resume_check = self._resume_check, None
        if check is not None and check.required:
            self._on_other_stream()
        else:
            self._set_synced()

    def _deliver(self, message: StreamMessage, known: Known) -> None:
        try:
            self._handler.on_message(message)
        except Exception:  # the boundary: one message must not end the subscription
            log.exception("handling a message on %s (sequence %d) failed", message.subject, message.seq)
        self._continuity.position.advance(known)
        if self._catching_up and not message.pending:
            self._set_synced()
        self._waiters.on_delivered(message.seq)

    def _set_synced(self) -> None:
        self._catching_up = False
        self._handler.on_synced()
        self._ready.set()


async def _yield_to_others() -> None:
    await asyncio.sleep(0)
