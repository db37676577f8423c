"""All streams of agents that this gateway has open: one for all readers of a server."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_gateway.agents.agent_stream import AgentStream, Reader
from opsroom_gateway.agents.requests import AgentRequests
from opsroom_gateway.agents.stream_kinds import Kind, Wish
from opsroom_messaging.client.connection import NatsConnection
from opsroom_runtime.process import cancel_and_wait

STREAMS_MAX: Final = 50
"""The maximum number of streams of one gateway. Each has a buffer of some megabytes at most."""
_PER_SERVER_MAX: Final = 3
"""The maximum number of streams for readers of one server who want more past lines than others."""
_STOP_SECONDS: Final = 2.0

log = logging.getLogger(__name__)


class AgentStreams:
    """Opens streams, and shares them: an agent sends each line once, however many readers there are.

    ``clock``: the portal's time, with which the times of samples are compared.
    """

    def __init__(self, broker: NatsConnection, agents: AgentRequests, clock: Callable[[], datetime]) -> None:
        self._broker = broker
        self._agents = agents
        self._clock = clock
        self._streams: dict[AgentStream, asyncio.Task[None]] = {}
        self._entries: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()

    async def join(self, kind: Kind, instance: Instance, wish: Wish, changed: asyncio.Event) -> Reader:
        """Return a reader, which must be closed. ``changed``: set whenever it may go on.

        Raises:
            FaultError: ``overloaded``: there are too many streams; as :meth:`AgentRequests.request`.
        """
        stream = self._shared(kind, instance, wish) or self._start(kind, instance, wish)
        reader = stream.join(wish, self._clock(), changed)
        try:
            await stream.opened()
        except BaseException:
            reader.close()
            raise
        return reader

    async def close(self) -> None:
        """End all streams."""
        tasks = list(self._streams.values())
        for stream in self._streams:
            stream.finish()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        await cancel_and_wait(tasks)

    def streams(self, kind: Kind) -> int:
        """Return the number of open streams."""
        return sum(stream.kind is kind for stream in self._streams)

    def readers(self, kind: Kind) -> int:
        """Return the number of readers."""
        return sum(len(stream.readers) for stream in self._streams if stream.kind is kind)

    def entries(self, kind: Kind) -> int:
        """Return the number of entries that agents have sent."""
        now = sum(stream.entries for stream in self._streams if stream.kind is kind)
        return self._entries[kind.event] + now

    def skipped(self, kind: Kind) -> int:
        """Return the number of entries that readers have lost."""
        now = sum(stream.skipped for stream in self._streams if stream.kind is kind)
        return self._skipped[kind.event] + now

    def _shared(self, kind: Kind, instance: Instance, wish: Wish) -> AgentStream | None:
        """Return a stream that serves the reader; also one that has fewer lines, if there are too many."""
        if not wish.follow:
            return None
        found = [
            stream
            for stream in self._streams
            if stream.kind is kind
            and stream.instance.id == instance.id
            and stream.wish.follow
            and stream.active
        ]
        for stream in found:
            if stream.serves(wish):
                return stream
        return max(found, key=lambda one: one.buffer.count) if len(found) >= _PER_SERVER_MAX else None

    def _start(self, kind: Kind, instance: Instance, wish: Wish) -> AgentStream:
        if len(self._streams) >= STREAMS_MAX:
            message = f"the limit of {STREAMS_MAX} logs and statistics at once is reached; try again"
            raise refuse(ErrorCode.OVERLOADED, message)
        stream = AgentStream(self._broker, self._agents, kind, instance, wish)
        task = asyncio.create_task(stream.run(), name=f"{kind.event} of {instance.id}")
        self._streams[stream] = task
        task.add_done_callback(lambda done: self._forget(stream, done))
        return stream

    def _forget(self, stream: AgentStream, task: asyncio.Task[None]) -> None:
        del self._streams[stream]
        self._entries[stream.kind.event] += stream.entries
        self._skipped[stream.kind.event] += stream.skipped
        if not task.cancelled() and task.exception() is not None:
            log.error("%s failed", task.get_name(), exc_info=task.exception())
