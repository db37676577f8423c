"""An agent whose logs a test writes: real messages over a real broker, and the window of the protocol."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opsroom_contracts.agents import protocol
from opsroom_contracts.agents.endpoints import AGENT_SERVICE, agent_endpoints
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import provider_stream
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.microservice import MicroService
from opsroom_testkit.waiting import until

PROVIDER = "lab"


@dataclass(slots=True)
class ScriptedStream:
    """One stream: what was requested, and how far both sides are."""

    broker: NatsConnection
    request: protocol.LogsRequest | protocol.StatsRequest
    sent: int = 0
    acknowledged: int = 0
    stopped: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, lines: Sequence[str] = (), *, skipped: int = 0, **more: object) -> None:
        """Send lines of a log, as soon as the window has room."""
        while self.sent - self.acknowledged >= protocol.WINDOW and not self.stopped:
            self.changed.clear()
            await self.changed.wait()
        entries = tuple(protocol.LogLine(text=line) for line in lines)
        await self.publish(
            protocol.LogChunk.model_validate(
                {"seq": self.sent + 1, "lines": entries, "skipped": skipped, **more}
            )
        )

    async def publish(self, chunk: protocol.StreamChunk) -> None:
        """Send any message, whatever the window."""
        self.sent = chunk.seq
        await self.broker.publish(provider_stream(PROVIDER, self.request.stream), encode(chunk))

    async def end(self, reason: str | None = None) -> None:
        """Send the last message."""
        await self.publish(protocol.LogChunk(seq=self.sent + 1, end=True, reason=reason))


class ScriptedAgent:
    """The agent of the provider ``lab``. ``refusal``: of requests for streams, if there is one."""

    def __init__(self, broker: NatsConnection) -> None:
        self.broker = broker
        self.streams: list[ScriptedStream] = []
        self.refusal: ErrorCode | None = None
        self.replies_to_more = True

    async def stream(self, number: int = 0) -> ScriptedStream:
        """Return the stream that was requested as the given one, as soon as it was."""
        await until(lambda: len(self.streams) > number)
        return self.streams[number]

    async def begin(self, request: protocol.LogsRequest | protocol.StatsRequest) -> protocol.StreamReply:
        """Begin a stream; a repeated request changes nothing."""
        if self.refusal is not None:
            raise refuse(self.refusal, "not here")
        if all(stream.request.stream != request.stream for stream in self.streams):
            self.streams.append(ScriptedStream(self.broker, request))
        return protocol.StreamReply()

    async def more(self, request: protocol.MoreRequest) -> protocol.MoreReply:
        """Note what was acknowledged."""
        for stream in self.streams:
            if stream.request.stream == request.stream:
                stream.acknowledged = max(stream.acknowledged, request.seq)
                stream.stopped = stream.stopped or request.stop
                stream.changed.set()
        return protocol.MoreReply(open=self.replies_to_more)

    async def adoptable(self, _request: protocol.AdoptableRequest) -> protocol.AdoptableReply:
        """Return one server that could be adopted."""
        one = protocol.Adoptable.model_validate({"resource": "r-1", "name": "db", "state": "running"})
        return protocol.AdoptableReply(resources=(one,))


@asynccontextmanager
async def scripted_agent(url: str) -> AsyncIterator[ScriptedAgent]:
    """Run the agent on the broker at ``url``."""
    broker = await connect(url, name="agent")
    agent = ScriptedAgent(broker)
    service = MicroService(broker, name=AGENT_SERVICE, version="1.0.0", description="a script", gauges=dict)
    subjects = agent_endpoints(PROVIDER)
    service.add(subjects.logs, agent.begin)
    service.add(subjects.stats, agent.begin)
    service.add(subjects.more, agent.more)
    service.add(subjects.adoptable, agent.adoptable)
    await service.start()
    try:
        yield agent
    finally:
        await service.stop()
        await broker.close()
