"""One stream of an agent, and its readers."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from opsroom_contracts.agents.protocol import STREAM_SECONDS, WINDOW, MoreRequest
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.http import StreamEnd
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import provider_stream
from opsroom_gateway.agents.entry_buffer import Cursor, EntryBuffer, Part
from opsroom_gateway.agents.requests import AgentRequests
from opsroom_gateway.agents.stream_kinds import Kind, Wish
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly

_RENEW_SECONDS: Final = STREAM_SECONDS / 3
"""How often to ask for more while nothing is read: an agent ends a stream that nobody asks for."""
_LAST_SECONDS: Final = 1.0
"""How long the last message may be on its way after the agent has closed the stream."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Reader:
    """One reader. ``changed`` is set when there may be something to read, or the stream has ended."""

    stream: "AgentStream"
    cursor: Cursor
    changed: asyncio.Event

    def read(self) -> Part | None:
        """Return what comes next; None: nothing at this moment."""
        part = self.stream.buffer.read(self.cursor)
        if part is not None:
            self.stream.skipped += part.skipped
        return part

    def done_with(self, part: Part) -> None:
        """Report that the reader has taken ``part``, so that the agent may send more."""
        self.stream.note_read(part.seq)

    def close(self) -> None:
        """Leave the stream. It ends with its last reader."""
        self.stream.leave(self)


class AgentStream:
    """A stream that an agent sends for the readers of one server, while ``run`` is running.

    The agent may be ahead of the fastest reader by a window of messages. So a reader that is alone slows the
    agent down and loses nothing, and a slow one does not delay others.
    """

    def __init__(
        self, broker: NatsConnection, agents: AgentRequests, kind: Kind, instance: Instance, wish: Wish
    ) -> None:
        self.kind = kind
        self.instance = instance
        self.wish = wish
        self.buffer = EntryBuffer()
        self.ended = False
        self.end: StreamEnd | None = None
        """The end that the agent reported; None: there is none yet, or the stream was interrupted."""
        self.entries = 0
        self.skipped = 0
        """Entries that readers have lost, together."""
        self.readers: set[Reader] = set()
        self._id = uuid4().hex
        self._broker = broker
        self._agents = agents
        self._received = 0
        self._read = 0
        self._acknowledged = 0
        self._requested = 0
        """The message up to which the agent was asked for more, whether or not it has replied."""
        self._closed_by_agent = False
        self._wake = asyncio.Event()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def active(self) -> bool:
        """Whether the stream goes on: it has readers, and has not ended."""
        return not self.ended and bool(self.readers)

    def serves(self, wish: Wish) -> bool:
        """Whether a reader that joins now gets as many past lines as it wants, if there are as many."""
        return self.buffer.count >= wish.tail or (self.buffer.complete and self.wish.tail >= wish.tail)

    def join(self, wish: Wish, now: datetime, changed: asyncio.Event) -> Reader:
        """Add a reader, which must be closed. Then await :meth:`opened`."""
        cursor = self.kind.start(self.buffer, wish, now) if self._received else Cursor()
        reader = Reader(self, cursor, changed)
        self.readers.add(reader)
        return reader

    async def opened(self) -> None:
        """Wait until the agent has begun.

        Raises:
            FaultError: it has refused, or does not reply.
        """
        await asyncio.shield(self._opened)

    def leave(self, reader: Reader) -> None:
        """Remove a reader."""
        self.readers.discard(reader)
        self._wake.set()

    def note_read(self, seq: int) -> None:
        """Note that a reader has taken message ``seq``."""
        self._read = max(self._read, seq)
        if self._read - self._acknowledged >= WINDOW // 2:
            self._wake.set()

    def finish(self, end: StreamEnd | None = None) -> None:
        """End the stream; readers still get what is buffered. Without ``end`` it counts as interrupted."""
        if self.ended:
            return
        self.ended, self.end = True, end
        self._wake.set()
        for reader in self.readers:
            reader.changed.set()

    async def run(self) -> None:
        """Open the stream, and end it when it has no readers any more."""
        subject = provider_stream(self.instance.provider, self._id)
        subscription = await self._broker.subscribe(subject, self._on_message)
        try:
            if await self._open():
                await self._follow()
                if not self._closed_by_agent:
                    with suppress(FaultError):
                        await self._ask_for_more(stop=True)
        finally:
            self.finish()
            await unsubscribe_quietly(subscription)

    async def _open(self) -> bool:
        try:
            await self.kind.begin(self._agents, self.instance, self._id, self.wish)
        except FaultError as error:
            self._refuse_readers(error)
            return False
        except BaseException:
            self._refuse_readers(refuse(ErrorCode.UNAVAILABLE, "the gateway is stopping; try again"))
            raise
        self._opened.set_result(None)
        return True

    def _refuse_readers(self, error: FaultError) -> None:
        self.finish()
        self._opened.set_exception(error)
        self._opened.exception()  # retrieved, because no reader may be waiting any more

    async def _follow(self) -> None:
        """Ask for more as the fastest reader goes on, and regularly."""
        while self.active:
            with suppress(TimeoutError):
                async with asyncio.timeout(_RENEW_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if self.active:
                await self._renew()

    async def _renew(self) -> None:
        seq = self._read
        try:
            is_open = await self._ask_for_more()
        except FaultError as error:
            log.warning("a stream of %s was interrupted: %s", self.instance.provider, error)
            self.finish()
            return
        self._acknowledged = max(self._acknowledged, seq)
        if is_open or self.ended:
            return
        self._closed_by_agent = True
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                while not self.ended:
                    await self._wake.wait()
                    self._wake.clear()
        self.finish()

    async def _ask_for_more(self, *, stop: bool = False) -> bool:
        """Acknowledge what was read. Returns whether the agent still has the stream."""
        self._requested = self._read
        request = MoreRequest(stream=self._id, seq=self._read, stop=stop)
        reply = await self._agents.request(self.instance.provider, lambda agent: agent.more, request)
        return reply.open

    def _on_message(self, payload: bytes) -> None:
        if self.ended:
            return
        try:
            message = self.kind.read(payload)
        except ContractError as error:
            log.warning("ended a stream of %s: %s", self.instance.provider, error)
            self.finish(StreamEnd(reason="the agent sent a message that can't be read"))
            return
        chunk = message.chunk
        if chunk.seq <= self._received:
            return
        if chunk.seq > self._received + 1:
            log.warning("messages %d to %d of a stream were lost", self._received + 1, chunk.seq - 1)
            self.finish()
            return
        if chunk.seq > self._requested + WINDOW + chunk.end:
            log.warning("ended a stream of %s: it exceeds its window", self.instance.provider)
            self.finish(StreamEnd(reason="the agent sent more than it may"))
            return
        self._received = chunk.seq
        self.entries += len(message.entries)
        self.buffer.put(chunk.seq, message.entries, message.skipped)
        if chunk.end:
            self._closed_by_agent = True
            self.finish(None if chunk.interrupted else StreamEnd(reason=chunk.reason))
        for reader in self.readers:
            reader.changed.set()
