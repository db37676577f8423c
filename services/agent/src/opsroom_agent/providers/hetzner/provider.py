"""The provider ``hetzner``: servers are virtual machines of one project of Hetzner Cloud."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from opsroom_agent.context import ProviderContext
from opsroom_agent.journal import Journal
from opsroom_agent.operations import Operations
from opsroom_agent.providers.hetzner.api import ApiError, ApiUnavailableError, HetznerApi, open_api
from opsroom_agent.providers.hetzner.models import Server
from opsroom_agent.providers.hetzner.templates import HetznerTemplates, read_templates
from opsroom_agent.providers.hetzner.views import (
    INSTANCE_LABEL,
    PORTAL_LABEL,
    adoptable,
    listed,
    observation,
    selector,
)
from opsroom_agent.providers.hetzner.work import HetznerWork
from opsroom_contracts.agents.protocol import (
    OBSERVE_MAX,
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
from opsroom_runtime.errors import SettingsError


class HetznerProvider:
    """Servers of one project that have the label of ``portal``, and adopted ones."""

    kind: Final = "hetzner"
    capabilities: Final = (AgentCapability.ADOPT,)

    def __init__(
        self, api: HetznerApi, work: HetznerWork, templates: HetznerTemplates, journal: Journal, portal: str
    ) -> None:
        self._api = api
        self._work = work
        self._views = templates.views()
        self._operations = Operations(work, journal)
        self._portal = portal
        self._listed: list[Server] = []

    @property
    def templates(self) -> tuple[TemplateView, ...]:
        """The templates of the file."""
        return self._views

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Begin an operation, or report how far it is."""
        return await self._operations.apply(request)

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Look at servers: at one by its label or id, at several by listing all."""
        with _refusals():
            if len(request.servers) == 1:
                ref = request.servers[0]
                found = {ref.id: await self._work.find(ref)}
            else:
                servers = await self._api.servers()
                ours = {one.labels.get(INSTANCE_LABEL): one for one in servers if self._is_ours(one)}
                by_id = {str(one.id): one for one in servers}
                found = {
                    ref.id: ours.get(ref.id) if ref.resource is None else by_id.get(ref.resource)
                    for ref in request.servers
                }
        pairs = [(ref, found[ref.id]) for ref in request.servers]
        return ObserveReply(
            found=tuple(observation(ref, server) for ref, server in pairs if server is not None),
            gone=tuple(ref.id for ref, server in pairs if server is None),
        )

    async def list(self, request: ProviderListRequest) -> ProviderListReply:
        """Return a page of servers. All pages of a list are from the same requests to the API."""
        if request.after is None or not self._listed:
            with _refusals():
                servers = await self._api.servers(label_selector=selector(self._portal))
            marked = [one for one in servers if INSTANCE_LABEL in one.labels]
            self._listed = sorted(marked, key=lambda one: one.labels[INSTANCE_LABEL])
        after = request.after or ""
        rest = [one for one in self._listed if one.labels[INSTANCE_LABEL] > after]
        shown = tuple(listed(one) for one in rest[: request.limit])
        if len(rest) > request.limit:
            return ProviderListReply(servers=shown, next=shown[-1].id)
        self._listed = []
        return ProviderListReply(servers=shown)

    async def adoptable(self) -> AdoptableReply:
        """Return servers without a portal's label."""
        with _refusals():
            servers = await self._api.servers(label_selector=f"!{PORTAL_LABEL}")
        found = sorted(map(adoptable, servers), key=lambda one: one.name)
        return AdoptableReply(resources=tuple(found[:OBSERVE_MAX]), more=len(found) > OBSERVE_MAX)

    def logs(self, request: LogsRequest) -> AsyncIterator[tuple[LogLine, ...]]:
        """Refuse: the API has no logs."""
        raise refuse(ErrorCode.UNSUPPORTED, f"Hetzner Cloud has no logs of {request.server.name}")

    def stats(self, request: StatsRequest) -> AsyncIterator[tuple[StatsSample, ...]]:
        """Refuse: the API has no use of memory."""
        raise refuse(ErrorCode.UNSUPPORTED, f"Hetzner Cloud has no statistics of {request.server.name}")

    async def changes(self) -> AsyncGenerator[ChangeNotice]:
        """Iterate over nothing: the API has no events, and the portal lists every 30 s."""
        await asyncio.Event().wait()
        yield ChangeNotice()

    async def run(self) -> None:
        """Run the operations until cancelled."""
        await self._operations.run()

    def _is_ours(self, server: Server) -> bool:
        return server.labels.get(PORTAL_LABEL) == self._portal


@asynccontextmanager
async def hetzner_provider(context: ProviderContext) -> AsyncIterator[HetznerProvider]:
    """Build the provider.

    Raises:
        SettingsError: there is no token, or the template file can't be used.
    """
    settings = context.settings
    token, templates = _token(settings.hetzner_token_file), read_templates(settings.templates)
    journal = Journal(None if settings.state_dir is None else settings.state_dir / "operations")
    async with open_api(settings.hetzner_url, token, context.check) as api:
        work = HetznerWork(api, templates, settings.portal, stop_seconds=settings.hetzner_stop_seconds)
        yield HetznerProvider(api, work, templates, journal, settings.portal)


def _token(path: Path | None) -> str:
    if path is None:
        raise SettingsError("AGENT_HETZNER_TOKEN_FILE is missing: the file with the API token")
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"AGENT_HETZNER_TOKEN_FILE={str(path)!r}: {error}") from None
    if not token.isascii() or not token.isprintable() or not token:
        raise SettingsError(f"AGENT_HETZNER_TOKEN_FILE={str(path)!r}: contains no token")
    return token


@contextmanager
def _refusals() -> Iterator[None]:
    """Refuse a request that the API does not serve."""
    try:
        yield
    except (ApiError, ApiUnavailableError) as error:
        raise refuse(ErrorCode.UNAVAILABLE, str(error)[:1000]) from error
