"""Port for the provider that an agent acts for."""

from collections.abc import AsyncIterator
from typing import Protocol

from opsroom_contracts.agents.protocol import (
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


class Provider(Protocol):
    """What the agent needs of a provider. Each method returns within a few seconds.

    Methods raise :class:`opsroom_contracts.errors.FaultError` for a request that can't be served
    (``unavailable``: the provider does not respond; ``unsupported``; ``instance_not_found``).
    """

    @property
    def kind(self) -> str:
        """The sort of provider, such as ``docker``."""

    @property
    def capabilities(self) -> tuple[AgentCapability, ...]:
        """What it can do beside apply, observe and list."""

    @property
    def templates(self) -> tuple[TemplateView, ...]:
        """The templates that an instance can be created from."""

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Begin an operation, or report how far it is. Idempotent by the operation's id."""

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Look at servers."""

    async def list(self, request: ProviderListRequest) -> ProviderListReply:
        """Return a page of this portal's servers, without adopted ones."""

    async def adoptable(self) -> AdoptableReply:
        """Return what runs and no portal manages."""

    def logs(self, request: LogsRequest) -> AsyncIterator[tuple[LogLine, ...]]:
        """Iterate over a log, up to ``CHUNK_LINES_MAX`` lines at a time; ends unless it is followed."""

    def stats(self, request: StatsRequest) -> AsyncIterator[tuple[StatsSample, ...]]:
        """Iterate over samples: first those of the last 15 minutes, then new ones if it is followed."""

    def changes(self) -> AsyncIterator[ChangeNotice]:
        """Iterate over changes as they happen; an empty notice means that some may have been missed.

        Never ends: a provider that can't see changes yields nothing, and the portal lists every 30 s.
        """

    async def run(self) -> None:
        """Do the provider's own work, such as work in the background, until cancelled.

        Everything that changes something is part of it: it is cancelled when the agent loses its lease, and
        called again when it has the lease again.
        """
