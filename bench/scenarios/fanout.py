"""One message to very many readers: the gateway's fan-out beside its peers, each on one core."""

from bench.fanout.loadgen import Fanout, Load, Phase, run_fanout_load
from bench.fanout.peer_setup import MissingError, PeerTools, install_peers
from bench.fanout.servers import PEERS, Peer, serving
from bench.generators.process import GeneratorError
from bench.options import Options
from bench.results.statistics import spread
from bench.results.table import Cell, Table
from bench.servers.pinning import loading_apart
from bench.servers.portal import ServerExitedError

IN_FLIGHT = (1, 16, 64)
_SECONDS = 3.0

Rounds = dict[str, list[Fanout]]
"""By server, one a round."""


async def measure(options: Options) -> list[Table]:
    """A table for each number of readers; the last names what is missing and what failed."""
    try:
        tools = install_peers()
    except MissingError as error:
        return [Table("Fan-out: not measured", ("", "reason"), [("load generator", str(error))])]
    with loading_apart() as pinned:
        return await _measured(options, tools, pin=pinned)


async def _measured(options: Options, tools: PeerTools, *, pin: bool) -> list[Table]:
    faults: dict[str, str] = {}
    tables: list[Table] = []
    for readers in options.readers:
        rounds: Rounds = {}
        for _ in range(options.rounds):
            for peer in _wanted(options):
                await _visit(peer, tools, readers, (rounds, faults), pin=pin)
        tables += _tables(readers, rounds, pinned=pin)
    if faults:
        tables.append(Table("Fan-out: missing", ("server", "reason"), list(faults.items())))
    return tables


def visited(options: Options) -> int:
    """How many servers are visited in a round."""
    return len(_wanted(options))


def _wanted(options: Options) -> list[Peer]:
    return [one for one in PEERS if not options.only or any(word in one.name for word in options.only)]


async def _visit(
    peer: Peer, tools: PeerTools, readers: int, found: tuple[Rounds, dict[str, str]], *, pin: bool
) -> None:
    rounds, faults = found
    if peer.needs in tools.missing:
        faults[peer.name] = tools.missing[peer.needs]
        return
    load = Load(readers, tuple((in_flight, _SECONDS) for in_flight in IN_FLIGHT))
    try:
        async with serving(peer, tools, pin=pin) as servers:
            measured = await run_fanout_load(servers, peer.protocol, load, tools.paths["loadgen"])
    except (ServerExitedError, GeneratorError, TimeoutError) as error:
        faults[f"{peer.name}, {readers:,} readers"] = str(error) or "no answer in time"
        return
    rounds.setdefault(peer.name, []).append(measured)


def _tables(readers: int, rounds: Rounds, *, pinned: bool) -> list[Table]:
    where = "server on one core, generator on another" if pinned else "NOT PINNED"
    headers = ("server", "readers/s", "KiB/reader")
    joined: list[tuple[Cell, ...]] = [
        (
            name,
            spread([one.connects for one in measured]),
            spread([one.reader_bytes / 1024 for one in measured]),
        )
        for name, measured in rounds.items()
    ]
    tables = [Table(f"Fan-out: joining ({readers:,} readers; {where})", headers, joined)]
    for place, in_flight in enumerate(IN_FLIGHT):
        rows = [_row(name, [one.phases[place] for one in measured]) for name, measured in rounds.items()]
        title = f"Fan-out: {readers:,} readers, {in_flight} in flight, messages of 200 bytes"
        tables.append(Table(title, _HEADERS, rows))
    return tables


_HEADERS = (
    "server",
    "deliveries/s",
    "server CPU µs/delivery",
    "deliveries/CPU s",
    "p50 ms",
    "p99 ms",
    "server CPU %",
    "generator CPU %",
    "out of order",
)


def _row(name: str, phases: list[Phase]) -> tuple[Cell, ...]:
    return (
        name,
        spread([one.deliveries / one.elapsed for one in phases]),
        spread([one.cpu / one.deliveries * 1e6 for one in phases]),
        spread([one.deliveries / max(one.cpu, 1e-3) for one in phases]),
        spread([one.p50 * 1e3 for one in phases]),
        spread([one.p99 * 1e3 for one in phases]),
        spread([one.cpu / one.elapsed * 100 for one in phases]),
        spread([one.generator_cpu * 100 for one in phases]),
        sum(one.misordered for one in phases),
    )
