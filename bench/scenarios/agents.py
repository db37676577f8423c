"""Servers behind an agent: reconciliation, logs that many follow, and what a command costs more."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from bench.clients.server_watcher import ServerWatcher, watch_servers
from bench.generators.log_readers import LogFigures, LogPlan, run_log_readers
from bench.options import Options
from bench.results.statistics import percentile, spread
from bench.results.table import Cell, Table
from bench.servers.agents import NAME, PORTAL, PROVIDER, open_engine, plan_agent, stop_agent
from bench.servers.portal import Servers, portal
from opsroom_contracts import endpoints
from opsroom_contracts.agents.protocol import ApplyRequest, ServerRef
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.cloud.requests import CreateRequest, ListRequest
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.request_client import RequestClient

SERVERS = 1_000
RECONCILE_GOAL_SECONDS = 2.0
LOG_RATE = 5_000
VIEWERS = 20
STUCK_SECONDS = 15.0
"""How long a stuck viewer reads nothing: longer than the gateway's buffer lasts at this rate."""
_LOGS = {"all read": 0, f"one is stuck for {STUCK_SECONDS:g} s": 1}
_COMMANDS = 200
"""Commands for each provider."""
_COMMAND_SECONDS = 0.05
"""A command is sent this often, to each provider in turn."""
_DONE_SECONDS = 60.0
_MEASURED = (NAME, "nats", "gateway")
_SIZES: dict[str, Callable[[LogFigures], dict[str, int]]] = {
    "before": lambda figures: figures.before,
    "most": lambda figures: figures.peak,
    "after": lambda figures: figures.after,
}
_PROVIDERS = {"in the cloud's process": None, "behind an agent": f"{PROVIDER}/small"}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Seconds from the agent's lease until all differences were ``stored``, and the list ``shows`` them.

    ``changed``: how many events were stored; ``right``: how many servers the list shows as they are.
    """

    stored: float
    shows: float
    changed: int
    right: int


async def measure(options: Options) -> list[Table]:
    """All three, each on fresh servers."""
    reconciled: dict[str, list[Reconciled]] = {}
    logs: dict[str, list[LogFigures]] = {name: [] for name in _LOGS}
    late: list[dict[str, list[float]]] = []
    for _ in range(options.rounds):
        for name, found in (await _reconcile(options)).items():
            reconciled.setdefault(name, []).append(found)
        for name, stuck in _LOGS.items():
            logs[name].append(await _follow(options, stuck))
        late.append(await _late(options))
    return [_reconciled_table(reconciled, options), *_log_tables(logs, options), _late_table(late, options)]


@asynccontextmanager
async def _running(
    options: Options, *, delay: float = 0.0, log_rate: float = 1.0
) -> AsyncIterator[tuple[Servers, Path, NatsConnection, ServerWatcher]]:
    """Run a portal whose agent is not started yet."""
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        async with portal(delay=delay, pin=options.pin) as servers:
            plan_agent(servers, Path(folder), pin=options.pin, log_rate=log_rate)
            broker = await connect(servers.nats_url, name="bench")
            try:
                async with watch_servers(broker) as watcher:
                    yield servers, Path(folder), broker, watcher
            finally:
                await broker.close()


async def _reconcile(options: Options) -> dict[str, Reconciled]:
    """Servers that the portal doesn't know; then servers that changed while the agent was away."""
    async with _running(options) as (servers, folder, broker, watcher):
        requester = RequestClient(broker, timeout=_DONE_SECONDS)
        ids = await asyncio.to_thread(_fill, folder, SERVERS)
        unknown = await _until_known(servers, watcher, requester, EventType.ADOPTED, InstanceState.RUNNING)
        await stop_agent(servers)
        await asyncio.to_thread(_stop_all, folder, ids)
        changed = await _until_known(servers, watcher, requester, EventType.OBSERVED, InstanceState.STOPPED)
        return {"unknown to the portal": unknown, "changed while it was away": changed}


def _fill(folder: Path, count: int) -> list[str]:
    """Create running servers; return their ids."""
    ids = [str(uuid4()) for _ in range(count)]
    with closing(open_engine(folder)) as engine:
        for number, key in enumerate(ids):
            server = ServerRef(id=key, name=f"server-{number}", template="small")
            create = ApplyRequest(operation_id=uuid4().hex, command=Command.CREATE, server=server, start=True)
            engine.execute(PORTAL, create, None, time.time(), _allowed)
    return ids


def _allowed() -> None:
    """The engine of a benchmark needs no lease."""


def _stop_all(folder: Path, ids: list[str]) -> None:
    with closing(open_engine(folder)) as engine:
        for key in ids:
            found = engine.find(PORTAL, ServerRef(id=key, name="changed"))
            assert found is not None
            engine.stop(found.resource, time.time())


async def _until_known(
    servers: Servers, watcher: ServerWatcher, requester: RequestClient, type_: EventType, state: InstanceState
) -> Reconciled:
    """Start the agent; wait until the portal knows all servers as they are."""
    leases = set(watcher.leased)
    await servers.start(NAME)
    await watcher.until(lambda: bool(watcher.leased.keys() - leases), _DONE_SECONDS, servers.check)
    (process,) = watcher.leased.keys() - leases
    seen_at, right = time.time(), 0
    while right < SERVERS and time.time() - seen_at < _DONE_SECONDS:
        servers.check()
        right = sum(one.state is state for one in await _listed(requester))
    shown_at = time.time()
    leased_at = watcher.leased[process].timestamp()
    await watcher.until(lambda: watcher.count(type_) >= right, _DONE_SECONDS, servers.check)
    return Reconciled(
        stored=watcher.at[type_].timestamp() - leased_at,
        shows=shown_at - leased_at,
        changed=watcher.stored[type_].total(),
        right=right,
    )


async def _listed(requester: RequestClient) -> tuple[Instance, ...]:
    """Return the servers of the agent that the cloud service lists."""
    reply = await requester.request(endpoints.LIST_INSTANCES, ListRequest())
    return tuple(one for one in reply.instances if one.provider == PROVIDER)


async def _follow(options: Options, stuck: int) -> LogFigures:
    """The log of one server, which many follow at one gateway."""
    async with _running(options, log_rate=LOG_RATE) as (servers, folder, _, watcher):
        (server,) = await asyncio.to_thread(_fill, folder, 1)
        await servers.start(NAME)
        await watcher.until(lambda: watcher.count(EventType.ADOPTED) == 1, _DONE_SECONDS, servers.check)
        seconds = options.seconds + STUCK_SECONDS * bool(stuck)
        plan = LogPlan(servers.port, server, VIEWERS, stuck, STUCK_SECONDS, seconds, servers.pids())
        return await run_log_readers(plan)


async def _late(options: Options) -> dict[str, list[float]]:
    """Return the milliseconds of each command beyond its delay, by provider."""
    async with _running(options, delay=options.delay) as (servers, _, broker, watcher):
        requester = RequestClient(broker, timeout=_DONE_SECONDS)
        await servers.start(NAME)
        await watcher.until(lambda: bool(watcher.leased), _DONE_SECONDS, servers.check)
        operations: dict[str, list[str]] = {name: [] for name in _PROVIDERS}
        for _ in range(_COMMANDS):
            for name, template in _PROVIDERS.items():
                pause = asyncio.create_task(asyncio.sleep(_COMMAND_SECONDS))
                operations[name].append(await _create(requester, template))
                await pause
        wanted = {one for found in operations.values() for one in found}
        await watcher.until(
            lambda: wanted <= watcher.late.keys(), options.delay + _DONE_SECONDS, servers.check
        )
        return {name: [watcher.late[one] for one in found] for name, found in operations.items()}


async def _create(requester: RequestClient, template: str | None) -> str:
    request = CreateRequest(client_id=uuid4().hex, template=template)
    return (await requester.request(endpoints.CREATE_INSTANCE, request)).operation.id


def _reconciled_table(found: dict[str, list[Reconciled]], options: Options) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            spread([each.stored for each in rounds]),
            spread([each.shows for each in rounds]),
            RECONCILE_GOAL_SECONDS,
            spread([each.changed for each in rounds]),
            spread([each.right for each in rounds]),
        )
        for name, rounds in found.items()
    ]
    title = f"Reconciliation of {SERVERS:,} servers of an agent (rounds: {options.rounds})"
    headers = ("servers", "all stored s", "all in the list s", "goal s", "events stored", "right in the list")
    return Table(title, headers, rows)


def _log_tables(found: dict[str, list[LogFigures]], options: Options) -> list[Table]:
    lines: list[tuple[Cell, ...]] = []
    memory: list[tuple[Cell, ...]] = []
    for name, rounds in found.items():
        readers = VIEWERS - _LOGS[name]
        lines.append(
            (
                name,
                spread([each.lines / each.elapsed / readers for each in rounds]),
                spread([each.skipped for each in rounds]),
                spread([each.unreported for each in rounds]),
                spread([each.stuck_lines for each in rounds]),
                spread([each.stuck_skipped for each in rounds]),
                spread([each.stuck_unreported for each in rounds]),
                *(spread([each.cpu[part] / each.elapsed * 100 for each in rounds]) for part in _MEASURED),
                spread([each.generator_cpu * 100 for each in rounds]),
            )
        )
        memory.append(
            (
                name,
                *(
                    spread([sizes(each)[part] / 2**20 for each in rounds])
                    for part in _MEASURED
                    for sizes in _SIZES.values()
                ),
            )
        )
    title = f"{LOG_RATE:,} lines/s of one server, {VIEWERS} viewers (rounds: {options.rounds})"
    headers = (
        *("viewers", "lines/s each", "skipped", "lost, not reported"),
        *("stuck one: lines", "skipped", "lost, not reported"),
        *(f"{part} CPU %" for part in _MEASURED),
        "generator CPU %",
    )
    columns = [f"{part} {when} MiB" for part in _MEASURED for when in _SIZES]
    return [Table(title, headers, lines), Table("Resident memory meanwhile", ("viewers", *columns), memory)]


def _late_table(rounds: list[dict[str, list[float]]], options: Options) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            *(spread([percentile(found[name], share) for found in rounds]) for share in (0.5, 0.99)),
            spread([max(found[name]) for found in rounds]),
        )
        for name in _PROVIDERS
    ]
    inside, behind = _PROVIDERS
    ratios = [
        spread([percentile(found[behind], share) / percentile(found[inside], share) for found in rounds])
        for share in (0.5, 0.99)
    ]
    longest = spread([max(found[behind]) / max(found[inside]) for found in rounds])
    rows.append(("behind an agent, times the other", *ratios, longest))
    title = f"A create beyond its delay of {options.delay:g} s ({_COMMANDS} each, rounds: {options.rounds})"
    return Table(title, ("provider", "p50 ms", "p99 ms", "max ms"), rows)
