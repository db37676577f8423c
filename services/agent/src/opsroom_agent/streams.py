"""Streams of logs and statistics to the portal, with back-pressure: a source is read only on demand."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

from opsroom_contracts.agents.protocol import STREAM_SECONDS, WINDOW, MoreReply, MoreRequest, StreamChunk
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES, encode
from opsroom_contracts.subjects import provider_stream
from opsroom_messaging.client.connection import NatsConnection
from opsroom_runtime.process import cancel_and_wait

STREAMS_MAX = 500
"""Streams that an agent sends at once; further ones are refused as overloaded."""
_ENDED_MAX = 1000
_FIRST_SECONDS = 1.0
"""The reply to a request waits this long for the first message or error of its source."""
_CLOSE_SECONDS = 2.0
_REASON_MAX = 500

log = logging.getLogger(__name__)

ItemT = TypeVar("ItemT")
Pack = Callable[[int, tuple[ItemT, ...], bool, str | None], StreamChunk]
"""Makes a message of its number, its items, whether it is the last one, and why."""


class StreamHub:
    """The streams of one provider, by id. Each may be ``window`` messages ahead of what was acknowledged.

    Memory is bounded by that: while the portal does not acknowledge, the source is not read.
    ``idle``: a stream that is not acknowledged for this long ends, in seconds.
    """

    def __init__(
        self, broker: NatsConnection, provider: str, *, window: int = WINDOW, idle: float = STREAM_SECONDS
    ) -> None:
        self._broker = broker
        self._provider = provider
        self._window = window
        self._idle = idle
        self._streams: dict[str, _Stream] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    @property
    def count(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    async def begin(
        self, stream: str, source: Callable[[], AsyncIterator[tuple[ItemT, ...]]], pack: Pack[ItemT]
    ) -> None:
        """Begin to send what ``source`` yields. A repeated request for the same stream changes nothing.

        Raises:
            FaultError: the source has failed at once; or ``overloaded``: there are too many streams.
        """
        if stream in self._streams or stream in self._ended:
            return
        if len(self._streams) >= STREAMS_MAX:
            raise refuse(ErrorCode.OVERLOADED, f"{STREAMS_MAX} streams are open at this agent; try again")
        sender = _Sender(self._broker, provider_stream(self._provider, stream), pack, self._window)
        opened = self._streams[stream] = _Stream(sender.flow)
        opened.task = asyncio.create_task(self._send(stream, sender, source), name=f"stream {stream}")
        await asyncio.wait(
            {opened.task, sender.flow.first}, timeout=_FIRST_SECONDS, return_when="FIRST_COMPLETED"
        )
        if opened.task.done() and not opened.task.cancelled() and (error := opened.task.exception()):
            raise error

    async def more(self, request: MoreRequest) -> MoreReply:
        """Acknowledge messages of a stream, or end it."""
        stream = self._streams.get(request.stream)
        if stream is None:
            return MoreReply(open=False)
        if request.stop:
            stream.cancel()
            return MoreReply(open=False)
        stream.flow.acknowledge(request.seq)
        return MoreReply(open=True)

    async def close(self) -> None:
        """End all streams, each with a last message."""
        tasks = [stream.task for stream in self._streams.values() if stream.task is not None]
        await cancel_and_wait(tasks)

    async def _send(
        self, stream: str, sender: "_Sender[ItemT]", source: Callable[[], AsyncIterator[tuple[ItemT, ...]]]
    ) -> None:
        reason: str | None = "the agent has stopped"
        interrupted = True
        try:
            async with asyncio.timeout(self._idle) as limit:
                sender.flow.extend = lambda: limit.reschedule(asyncio.get_running_loop().time() + self._idle)
                await sender.send_all(source())
            reason, interrupted = None, False
        except TimeoutError:
            interrupted = False
            reason = f"nobody has asked for more for {self._idle:g} s"
        except FaultError as error:
            reason, interrupted = error.fault.message, False
            if not sender.flow.first.done():
                raise  # becomes the reply
            log.info("stream %s of %s ended: %s", stream, self._provider, reason)
        except Exception as error:
            interrupted = False
            reason = "an internal error of the agent; it has been logged"
            if not sender.flow.first.done():
                raise
            log.exception("stream %s of %s failed", stream, self._provider, exc_info=error)
        finally:
            del self._streams[stream]
            self._ended[stream] = None
            if len(self._ended) > _ENDED_MAX:
                self._ended.popitem(last=False)
            await sender.end(reason, interrupted=interrupted)


class _Flow:
    """How far a stream is, and how far its receiver is."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._acknowledged = 0
        self._room = asyncio.Event()
        self.sent = 0
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the source has yielded something."""
        self.extend: Callable[[], None] = lambda: None

    def acknowledge(self, seq: int) -> None:
        """Take note that the receiver has got all messages up to ``seq``."""
        self._acknowledged = max(self._acknowledged, min(seq, self.sent))
        self.extend()
        self._room.set()

    async def next(self) -> int:
        """Wait until another message may be sent; return its number."""
        while self.sent - self._acknowledged >= self._window:
            self._room.clear()
            await self._room.wait()
        self.sent += 1
        return self.sent


class _Stream:
    def __init__(self, flow: _Flow) -> None:
        self.flow = flow
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class _Sender(Generic[ItemT]):
    """Publishes the messages of one stream."""

    def __init__(self, broker: NatsConnection, subject: str, pack: Pack[ItemT], window: int) -> None:
        self._broker = broker
        self._subject = subject
        self._pack = pack
        self.flow = _Flow(window)

    async def send_all(self, source: AsyncIterator[tuple[ItemT, ...]]) -> None:
        """Send all that ``source`` yields; the source is closed at the end."""
        try:
            async for items in source:
                if not self.flow.first.done():
                    self.flow.first.set_result(None)
                for part in self._parts(items):
                    number = await self.flow.next()
                    await self._broker.publish(self._subject, encode(self._pack(number, part, False, None)))
        finally:
            close = getattr(source, "aclose", None)  # generators have it, other iterators need none
            if close is not None:
                await close()

    async def end(self, reason: str | None, *, interrupted: bool) -> None:
        """Send the last message, whatever was acknowledged."""
        self.flow.sent += 1
        end = self._pack(self.flow.sent, (), True, reason and reason[:_REASON_MAX])
        last = end.model_copy(update={"interrupted": interrupted})
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._broker.publish(self._subject, encode(last))

    def _parts(self, items: tuple[ItemT, ...]) -> Iterator[tuple[ItemT, ...]]:
        """Split ``items`` so that each message is small enough for the contract."""
        if len(items) > 1 and len(encode(self._pack(1, items, False, None))) > MAX_PAYLOAD_BYTES:
            half = len(items) // 2
            yield from self._parts(items[:half])
            yield from self._parts(items[half:])
        elif items:
            yield items
