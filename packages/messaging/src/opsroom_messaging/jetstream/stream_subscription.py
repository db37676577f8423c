"""Following a stream: every message once, in order, through restarts of anything."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.client.connection import NatsConnection, describe
from opsroom_messaging.client.unsubscribe import end
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.runtime.tracing import SpanRole

_HEARTBEAT_SECONDS = 1.0
_SILENT_HEARTBEATS = 3
"""After so many heartbeats' time without a message or a heartbeat, the consumer is taken to be gone."""
_PENDING_MESSAGES = 65_536
_PENDING_BYTES = 64 * 1024 * 1024
_UNUSED_SECONDS = 30.0
"""The broker forgets the consumer of a process that died after this long."""

log = logging.getLogger(__name__)


class StartPolicy(Enum):
    """How a follower starts, and starts again after an interruption."""

    EVENTS = "events"
    """From a sequence; again from the one after the last it saw."""
    STATE = "state"
    """From the last message of every subject, every time, since records may have vanished meanwhile."""
    STATE_THEN_EVENTS = "state then events"
    """The first time from the last message of every subject; then as for events."""


class StreamHandler(Protocol):
    """What a follower feeds. Calls come one after another, from the event loop, and must not block."""

    def on_restart(self, *, fresh: bool) -> None:
        """A (re)start. ``fresh``: what follows begins anew, forget what came before; else it goes on."""

    def on_message(self, message: StreamMessage) -> None:
        """One message."""

    def on_synced(self) -> None:
        """All that was there at the (re)start is delivered; the next message is news."""


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """What to follow. ``start`` is the first sequence wanted, for ``Follow.EVENTS``."""

    stream: str
    subjects: tuple[str, ...]
    follow: StartPolicy
    start: int = 1


class StreamSubscription:
    """Feeds a sink from a stream until cancelled.

    ``pending_messages``: so many may wait for this process. When it can't keep up the rest is
    dropped, seen to be missing by its numbers, counted in ``gaps``, and read from the stream again.
    """

    def __init__(
        self,
        broker: NatsConnection,
        source: SubscriptionSpec,
        sink: StreamHandler,
        *,
        pending_messages: int = _PENDING_MESSAGES,
    ) -> None:
        self._broker = broker
        self._source = source
        self._sink = sink
        self._last_seq = source.start - 1
        self._consumed = 0
        self._heard_at = 0.0
        self._behind = True
        self._created: datetime | None = None
        self._broken = asyncio.Event()
        self._turn: object | None = None
        self._seq_waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._ready = asyncio.Event()
        self._pending_messages = pending_messages
        self.restarts = 0
        """How often it began again, for whatever reason."""
        self.gaps = 0
        """How often deliveries were missing: this process, or the connection, could not keep up."""
        broker.on_reconnect(self._broken.set)
        self._measure()

    def _measure(self) -> None:
        metrics, labels = self._broker.metrics, (self._source.stream,)
        metrics.gauge("stream_position", "Last sequence seen.", lambda: {labels: self._last_seq}, ("stream",))
        metrics.gauge("stream_live", "1 while nothing is behind.", lambda: {labels: self.live}, ("stream",))
        metrics.counter_callback(
            "stream_restarts", "Times it was followed anew.", lambda: {labels: self.restarts}, ("stream",)
        )

    @property
    def last_seq(self) -> int:
        """The last sequence delivered."""
        return self._last_seq

    @property
    def live(self) -> bool:
        """Whether the sink has all there is, as far as anyone can know."""
        return not self._behind and self._broker.connected

    async def ready(self, timeout: float) -> None:
        """Wait until the sink has caught up for the first time.

        Raises:
            TimeoutError: it did not within ``timeout`` seconds.
        """
        async with asyncio.timeout(timeout):
            await self._ready.wait()

    async def wait_for(self, seq: int, timeout: float) -> bool:
        """Wait until ``seq`` has been delivered; False if that takes longer than ``timeout`` seconds."""
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
        """Follow for ever, starting again after every interruption."""
        while True:
            try:
                await self._follow_once()
            except (JetStreamError, NatsError, TimeoutError) as error:
                log.info("following %s again: %s", self._source.stream, describe(error))
                await asyncio.sleep(0.2)
            self.restarts += 1

    async def _follow_once(self) -> None:
        client = self._broker.client
        self._broken.clear()
        self._behind = True
        self._consumed = 0
        inbox = client.new_inbox()
        subscription = await client.subscribe(
            inbox,
            cb=self._receiver(),
            pending_msgs_limit=self._pending_messages,
            pending_bytes_limit=_PENDING_BYTES,
        )
        name = ""
        try:
            fresh = await self._is_fresh()
            config = self._consumer(inbox, fresh=fresh)
            self._sink.on_restart(fresh=fresh)
            info = await self._broker.jetstream.add_consumer(self._source.stream, config)
            name = info.name
            self._heard_at = asyncio.get_running_loop().time()
            if not info.num_pending and not self._consumed:
                self._set_caught_up()
            await self._watch()
        finally:
            self._turn = None
            await _stop(self._broker, self._source.stream, subscription, name)

    async def _is_fresh(self) -> bool:
        """Whether to begin anew: the first time, always for state, and where the stream can't be resumed."""
        info = await self._broker.jetstream.stream_info(self._source.stream)
        again = self._created == info.created
        self._created = info.created
        if again and self._source.follow is not StartPolicy.STATE:
            if info.state.first_seq <= self._last_seq + 1:
                return False
            log.warning("stream %s no longer holds sequence %d", self._source.stream, self._last_seq + 1)
        self._last_seq = max(self._source.start, info.state.first_seq) - 1
        return True

    def _consumer(self, inbox: str, *, fresh: bool) -> ConsumerConfig:
        from_state = fresh and self._source.follow is not StartPolicy.EVENTS
        return ConsumerConfig(
            deliver_subject=inbox,
            filter_subjects=list(self._source.subjects),
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT if from_state else DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=None if from_state else self._last_seq + 1,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=_HEARTBEAT_SECONDS,
            inactive_threshold=_UNUSED_SECONDS,
            mem_storage=True,
            num_replicas=1,
        )

    async def _watch(self) -> None:
        """Return when the broker is silent, by turns of this loop: what was deaf itself proves nothing."""
        silent, heard_at = 0, self._heard_at
        while silent < _SILENT_HEARTBEATS:
            try:
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    await self._broken.wait()
                return
            except TimeoutError:
                silent = silent + 1 if self._heard_at == heard_at else 0
                heard_at = self._heard_at
        log.warning("stream %s fell silent; following again", self._source.stream)

    def _receiver(self) -> Callable[[Msg], Awaitable[None]]:
        """A receiver of its own for each start, deaf once that has ended."""
        turn = self._turn = object()
        expected = 0

        async def receive(message: Msg) -> None:
            nonlocal expected
            if turn is not self._turn or self._broken.is_set():
                return
            self._heard_at = asyncio.get_running_loop().time()
            if message.headers is not None and "Status" in message.headers:
                await self._control(message, expected)
                return
            fields = message.reply.split(".")
            # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[...]
            offset = 2 if len(fields) == 9 else 4
            expected += 1
            if int(fields[offset + 4]) != expected:
                self._note_gap()
                return
            self._consumed = expected
            stored_at = datetime.fromtimestamp(int(fields[offset + 5]) / 1e9, UTC)
            pending = int(fields[offset + 6])
            stored = StreamMessage(int(fields[offset + 3]), message.subject, message.data, pending, stored_at)
            if self._broker.traces.on and message.headers and not self._behind:
                with self._broker.traces.span(
                    f"take {self._source.stream}", SpanRole.TAKE, message.headers, seq=stored.seq
                ):
                    self._deliver(stored)
            else:
                self._deliver(stored)

        return receive

    async def _control(self, message: Msg, received: int) -> None:
        if message.reply:  # flow control: the broker waits for this answer before it sends more
            await self._broker.client.publish(message.reply)
            return
        headers = message.headers or {}
        if int(headers.get("Nats-Last-Consumer", received)) > received:
            self._note_gap()
        elif stalled := headers.get("Nats-Consumer-Stalled"):  # its question was dropped with what we missed
            await self._broker.client.publish(stalled)

    def _note_gap(self) -> None:
        self.gaps += 1
        log.warning("missed a delivery of %s; following again", self._source.stream)
        self._broken.set()

    def _deliver(self, message: StreamMessage) -> None:
        try:
            self._sink.on_message(message)
        except Exception:  # the boundary: one message must never end the stream
            log.exception("a message on %s (sequence %d) could not be handled", message.subject, message.seq)
        self._last_seq = message.seq
        if self._behind and not message.pending:
            self._set_caught_up()
        if self._seq_waiters:
            for seq, waiter in self._seq_waiters:
                if seq <= message.seq and not waiter.done():
                    waiter.set_result(None)

    def _set_caught_up(self) -> None:
        self._behind = False
        self._sink.on_synced()
        self._ready.set()


async def _stop(broker: NatsConnection, stream: str, subscription: Subscription, name: str) -> None:
    await end(subscription)
    if not name or not broker.connected:
        return  # the broker forgets the consumer by itself
    try:
        await broker.jetstream.delete_consumer(stream, name)
    except (JetStreamError, NatsError, TimeoutError):
        return
