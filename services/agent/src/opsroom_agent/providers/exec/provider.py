"""The provider that runs a program for each request. The program decides what a server is."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final

from opsroom_agent.operations import Operations
from opsroom_agent.program import Program, ProgramMissingError
from opsroom_agent.providers.exec.looks import Looks
from opsroom_agent.providers.exec.messages import SAMPLE, ProgramRequest
from opsroom_contracts.agents.protocol import (
    CHUNK_LINES_MAX,
    LINE_MAX,
    AdoptableReply,
    ApplyReply,
    ApplyRequest,
    ChangeNotice,
    LogLine,
    LogsRequest,
    ObserveReply,
    ObserveRequest,
    ProviderListReply,
    ProviderListRequest,
    StatsRequest,
    StatsSample,
)
from opsroom_contracts.agents.records import AgentCapability, TemplateView
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import ContractError, decode, encode
from opsroom_contracts.serialization.model import copy_fields


class ExecProvider:
    """A provider whose verbs are runs of ``program``. ``portal``: the id that it marks servers with."""

    kind: Final = "exec"

    def __init__(
        self,
        program: Program,
        operations: Operations,
        looks: Looks,
        *,
        portal: str,
        capabilities: tuple[AgentCapability, ...],
        templates: tuple[TemplateView, ...],
    ) -> None:
        self._program = program
        self._operations = operations
        self._looks = looks
        self._portal = portal
        self._capabilities = capabilities
        self._templates = templates

    @property
    def capabilities(self) -> tuple[AgentCapability, ...]:
        """What the settings say that the program can do."""
        return self._capabilities

    @property
    def templates(self) -> tuple[TemplateView, ...]:
        """The templates of the file."""
        return self._templates

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Begin an operation, or report how far it is."""
        return await self._operations.apply(request)

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Look at servers: a run for each."""
        return await self._looks.observe(request)

    async def list(self, request: ProviderListRequest) -> ProviderListReply:
        """Return a page of what the program lists."""
        return await self._looks.page(request)

    async def adoptable(self) -> AdoptableReply:
        """Return what can be adopted."""
        self._require(AgentCapability.ADOPT)
        return await self._looks.adoptable()

    async def logs(self, request: LogsRequest) -> AsyncGenerator[tuple[LogLine, ...]]:
        """Iterate over what the program prints: each line is a line of the log."""
        self._require(AgentCapability.LOGS)
        asked = ProgramRequest(
            portal=self._portal, server=request.server, tail=request.tail, follow=request.follow
        )
        async for lines in self._lines("logs", asked):
            found = tuple(LogLine(text=text[:LINE_MAX]) for text in lines)
            for start in range(0, len(found), CHUNK_LINES_MAX):
                yield found[start : start + CHUNK_LINES_MAX]

    async def stats(self, request: StatsRequest) -> AsyncGenerator[tuple[StatsSample, ...]]:
        """Iterate over samples that the program prints; they are of the moment at which they arrive."""
        self._require(AgentCapability.STATS)
        asked = ProgramRequest(portal=self._portal, server=request.server, follow=request.follow)
        async for lines in self._lines("stats", asked):
            yield tuple(map(_sample, filter(None, lines)))

    async def changes(self) -> AsyncGenerator[ChangeNotice]:
        """Iterate over nothing: the portal lists every 30 s."""
        await asyncio.Event().wait()
        yield ChangeNotice()

    async def run(self) -> None:
        """Run the operations until cancelled; runs of the program are killed then."""
        await self._operations.run()

    async def _lines(self, verb: str, request: ProgramRequest) -> AsyncGenerator[tuple[str, ...]]:
        try:
            async for batch in self._program.lines(verb, encode(request) + b"\n"):
                yield tuple(line.decode(errors="replace").rstrip("\r") for line in batch)
        except ProgramMissingError as error:
            raise refuse(ErrorCode.UNAVAILABLE, str(error)) from error

    def _require(self, capability: AgentCapability) -> None:
        if capability not in self._capabilities:
            raise refuse(ErrorCode.UNSUPPORTED, f"this provider has no {capability.value}")


def _sample(line: str) -> StatsSample:
    try:
        return copy_fields(decode(SAMPLE, line), StatsSample, at=datetime.now(UTC))
    except ContractError as error:
        raise refuse(ErrorCode.UNAVAILABLE, f"the program printed no sample: {error}"[:500]) from error
