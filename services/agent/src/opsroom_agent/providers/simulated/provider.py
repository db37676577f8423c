"""The provider that simulates a cloud: the part in the agent, which makes the engine's work idempotent."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, ParamSpec, TypeVar

from opsroom_agent.providers.simulated import views
from opsroom_agent.providers.simulated.engine import RefusedError, SimulatedEngine
from opsroom_agent.providers.simulated.fates import fate_of
from opsroom_agent.providers.simulated.schema import Begun, Execution, SimulatedServer
from opsroom_agent.providers.simulated.settings import SimulatedSettings
from opsroom_agent.providers.simulated.streams import SAMPLE_SECONDS, LogSpan, sample, sample_times
from opsroom_contracts.agents.protocol import (
    CHUNK_LINES_MAX,
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
    ServerRef,
    StatsRequest,
    StatsSample,
)
from opsroom_contracts.agents.records import AgentCapability, TemplateView
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_runtime.errors import SettingsError

STATE_FILE = "simulated.db"
"""The name of the state file in the agent's folder."""
_TICK_SECONDS = 0.1
_LOG_PAUSE_SECONDS = 0.02
_CHANGES_AT_ONCE = OBSERVE_MAX
_FAILURE = RefusedError(FailureCode.SIMULATED, "simulated failure")

Parameters = ParamSpec("Parameters")
ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


class SimulatedProvider:
    """Servers in the state file of an engine.

    ``check`` as in :class:`opsroom_agent.registry.ProviderContext`. ``clock`` returns seconds since 1970.
    """

    kind: Final = "simulated"
    capabilities: Final = (AgentCapability.ADOPT, AgentCapability.LOGS, AgentCapability.STATS)
    templates: Final[tuple[TemplateView, ...]] = views.TEMPLATES

    def __init__(
        self,
        engine: SimulatedEngine,
        settings: SimulatedSettings,
        *,
        portal: str,
        check: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._portal = portal
        self._check = check
        self._clock = clock
        # One thread: the engine's connection serves one at a time.
        self._thread = ThreadPoolExecutor(1, "simulated-engine")
        self._advancing: set[str] = set()

    async def close(self) -> None:
        """Wait for the call in progress, and close the engine."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.close)
        self._thread.shutdown(wait=False)

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Begin an operation, or report how far it is. Idempotent by the operation's id."""
        done = await self._call(self._engine.execution, request.operation_id)
        if done is None:
            begun = await self._begin(request)
            done = await self._advance(request, begun)
            if done is None:
                return views.working(begun, self._clock(), self._settings)
        server = await self._call(self._engine.find, self._portal, request.server)
        return views.reply(done, request.server, server)

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Look at servers."""
        return views.observed([(ref, await self._find(ref)) for ref in request.servers])

    async def list(self, request: ProviderListRequest) -> ProviderListReply:
        """Return a page of this portal's servers, without adopted ones."""
        after, limit = request.after or "", request.limit
        servers = await self._call(self._engine.page, self._portal, after, limit + 1)
        return views.page(servers, limit)

    async def adoptable(self) -> AdoptableReply:
        """Return the servers of no portal."""
        return views.adoptable(await self._call(self._engine.unmanaged, OBSERVE_MAX + 1))

    async def logs(self, request: LogsRequest) -> AsyncGenerator[tuple[LogLine, ...]]:
        """Iterate over a log of lines that count; ends when the server stops."""
        server = await self._existing(request.server)
        if not server.running:
            return
        span = LogSpan(server.began_at, self._settings.simulated_log_rate)
        written = span.written(self._clock())
        sent = max(0, written - request.tail)
        checked = self._clock()
        while True:
            while sent < written:
                end = min(written, sent + CHUNK_LINES_MAX)
                yield span.lines(sent, end)
                sent = end
            if not request.follow:
                return
            await asyncio.sleep(max(1 / span.rate, _LOG_PAUSE_SECONDS))
            if self._clock() - checked > _TICK_SECONDS:
                if await self._find(request.server) != server:
                    return
                checked = self._clock()
            written = span.written(self._clock())

    async def stats(self, request: StatsRequest) -> AsyncGenerator[tuple[StatsSample, ...]]:
        """Iterate over samples that form a wave; ends when the server stops."""
        server = await self._existing(request.server)
        if not server.running:
            return
        now = self._clock()
        past = tuple(sample(server.resource, at) for at in sample_times(server.began_at, now))
        yield past or (sample(server.resource, now),)
        while request.follow:
            await asyncio.sleep(SAMPLE_SECONDS)
            if await self._find(request.server) != server:
                return
            yield (sample(server.resource, self._clock()),)

    async def changes(self) -> AsyncGenerator[ChangeNotice]:
        """Iterate over changes as they happen, also those that another process has made."""
        seen = await self._call(self._engine.last_change)
        while True:
            changes = await self._call(self._engine.changes, self._portal, seen, _CHANGES_AT_ONCE)
            if not changes:
                await asyncio.sleep(_TICK_SECONDS)
                continue
            seen = changes[-1].number
            refs = {change.instance: change for change in changes}
            yield views.notice([(ref, await self._find(ref)) for ref in map(views.ref_of, refs.values())])

    async def run(self) -> None:
        """Carry out what is due, as a cloud does that nobody asks again."""
        reason = ""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                for begun in await self._call(self._engine.begun):
                    await self._advance(ApplyRequest.model_validate_json(begun.request), begun)
            except (sqlite3.Error, FaultError) as error:
                if str(error) != reason:  # not at every tick, ten times a second
                    log.warning("what has begun goes on later: %s", error)
                reason = str(error)
            else:
                reason = ""

    async def _begin(self, request: ApplyRequest) -> Begun:
        self._check()
        delay, pull = self._settings.simulated_delay_seconds, self._settings.simulated_pull_seconds
        return await self._call(self._engine.begin, request, self._clock(), delay, pull)

    async def _advance(self, request: ApplyRequest, begun: Begun) -> Execution | None:
        """Carry out an operation if it is due. None: it is not, or its reply is lost."""
        operation = request.operation_id
        if self._clock() < begun.at + begun.seconds or operation in self._advancing:
            return None
        self._advancing.add(operation)
        try:
            if (done := await self._call(self._engine.execution, operation)) is not None:
                return done
            fate = fate_of(operation, self._settings)
            refusal = _FAILURE if fate.fails else views.refusal_of(request)
            execute, now = self._engine.execute, self._clock()
            done = await self._call(execute, self._portal, request, refusal, now, self._check)
            return None if fate.loses_reply else done
        finally:
            self._advancing.discard(operation)

    async def _existing(self, ref: ServerRef) -> SimulatedServer:
        server = await self._find(ref)
        if server is None:
            raise refuse(ErrorCode.INSTANCE_NOT_FOUND, f"there is no server {ref.id}")
        return server

    async def _find(self, ref: ServerRef) -> SimulatedServer | None:
        return await self._call(self._engine.find, self._portal, ref)

    async def _call(
        self, method: Callable[Parameters, ResultT], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> ResultT:
        def call() -> ResultT:
            if self._engine.is_away(self._clock()):
                raise refuse(ErrorCode.UNAVAILABLE, "the engine does not respond")
            return method(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


@asynccontextmanager
async def simulated_provider(
    settings: SimulatedSettings, folder: Path | None, *, portal: str, check: Callable[[], None]
) -> AsyncIterator[SimulatedProvider]:
    """Open the state file in ``folder``, and close it at the end. Without a folder, nothing is kept.

    Raises:
        SettingsError: the state file can't be used.
    """
    with ExitStack() as stack:
        kept = folder or Path(stack.enter_context(TemporaryDirectory(prefix="opsroom-simulated-")))
        try:
            engine = await asyncio.to_thread(_open_engine, kept, settings.simulated_adoptable)
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(f"AGENT_STATE_DIR={str(folder)!r}: {error}") from error
        provider = SimulatedProvider(engine, settings, portal=portal, check=check)
        try:
            yield provider
        finally:
            await provider.close()


def _open_engine(folder: Path, adoptable: int) -> SimulatedEngine:
    folder.mkdir(parents=True, exist_ok=True)
    engine = SimulatedEngine(folder / STATE_FILE)
    engine.seed(adoptable, time.time())
    return engine
