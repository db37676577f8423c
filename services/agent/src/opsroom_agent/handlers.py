"""The handlers of the agent's endpoints: each checks the lease and asks the provider."""

from collections.abc import Callable

from opsroom_agent.provider import Provider
from opsroom_agent.streams import StreamHub
from opsroom_contracts.agents.protocol import (
    AdoptableReply,
    AdoptableRequest,
    ApplyReply,
    ApplyRequest,
    LogChunk,
    LogLine,
    LogsRequest,
    ObserveReply,
    ObserveRequest,
    ProviderListReply,
    ProviderListRequest,
    StatsChunk,
    StatsRequest,
    StatsSample,
    StreamChunk,
    StreamReply,
)


class Handlers:
    """Replies to the portal for ``provider`` while ``check`` does not raise."""

    def __init__(self, provider: Provider, check: Callable[[], None], streams: StreamHub) -> None:
        self._provider = provider
        self._check = check
        self._streams = streams

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Begin an operation, or report how far it is."""
        self._check()
        return await self._provider.apply(request)

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Look at servers. The reply of an agent that has lost the lease meanwhile could be outdated."""
        self._check()
        reply = await self._provider.observe(request)
        self._check()
        return reply

    async def list(self, request: ProviderListRequest) -> ProviderListReply:
        """Return a page of servers."""
        self._check()
        reply = await self._provider.list(request)
        self._check()
        return reply

    async def adoptable(self, _request: AdoptableRequest) -> AdoptableReply:
        """Return what can be adopted."""
        self._check()
        return await self._provider.adoptable()

    async def logs(self, request: LogsRequest) -> StreamReply:
        """Begin to send a log."""
        self._check()
        await self._streams.begin(request.stream, lambda: self._provider.logs(request), _log_chunk)
        return StreamReply()

    async def stats(self, request: StatsRequest) -> StreamReply:
        """Begin to send statistics."""
        self._check()
        await self._streams.begin(request.stream, lambda: self._provider.stats(request), _stats_chunk)
        return StreamReply()


def _log_chunk(seq: int, lines: tuple[LogLine, ...], end: bool, reason: str | None) -> StreamChunk:
    return LogChunk(seq=seq, lines=lines, end=end, reason=reason)


def _stats_chunk(seq: int, samples: tuple[StatsSample, ...], end: bool, reason: str | None) -> StreamChunk:
    return StatsChunk(seq=seq, samples=samples, end=end, reason=reason)
