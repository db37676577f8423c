"""One of 1,000 readers stops reading: what the others notice."""

from bench.fanout.loadgen import Fanout, Load, Phase, run_fanout_load
from bench.fanout.peer_setup import MissingError, PeerTools, load_generator
from bench.fanout.servers import OURS, PEERS, serving
from bench.options import Options
from bench.results.statistics import spread
from bench.results.table import Cell, Table
from bench.servers.pinning import loading_apart

READERS = 1_000
IN_FLIGHT = (1, 16)
_HEADERS = (
    "reader, in flight",
    "p50 ms",
    "p99 ms",
    "max ms",
    "deliveries/s",
    "server CPU %",
    "generator CPU %",
)


async def measure(options: Options) -> list[Table]:
    """For sockets and for streams: the same phases without and, in the same run, with a stuck reader."""
    try:
        tools = PeerTools({"loadgen": load_generator()})
    except MissingError as error:
        return [Table("Slow reader: not measured", ("", "reason"), [("load generator", str(error))])]
    rows: list[tuple[Cell, ...]] = []
    with loading_apart() as pinned:
        for peer in (one for one in PEERS if one.name in OURS):
            found: list[Fanout] = []
            for _ in range(options.rounds):
                async with serving(peer, tools, pin=pinned) as servers:
                    phases = tuple((in_flight, options.seconds / 2) for in_flight in IN_FLIGHT * 2)
                    load = Load(READERS, phases, stuck=1, stuck_from=len(IN_FLIGHT))
                    found.append(await run_fanout_load(servers, peer.protocol, load, tools.paths["loadgen"]))
            for place, in_flight in enumerate(IN_FLIGHT):
                for which, words in ((place, "all read"), (place + len(IN_FLIGHT), "one stuck")):
                    name = f"{peer.name}, {in_flight}, {words}"
                    rows.append(_row(name, [one.phases[which] for one in found]))
    title = f"Slow reader: the others of {READERS:,} (rounds: {options.rounds})"
    return [Table(title, _HEADERS, rows)]


def _row(name: str, phases: list[Phase]) -> tuple[Cell, ...]:
    return (
        name,
        spread([one.p50 * 1e3 for one in phases]),
        spread([one.p99 * 1e3 for one in phases]),
        spread([one.most * 1e3 for one in phases]),
        spread([one.deliveries / one.elapsed for one in phases]),
        spread([one.cpu / one.elapsed * 100 for one in phases]),
        spread([one.generator_cpu * 100 for one in phases]),
    )
