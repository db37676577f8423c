"""One of 1,000 readers stops reading: what the others notice."""

from bench.fanout.loadgen import Fanout, Load, Phase, put_fanout
from bench.fanout.servers import CONTENDERS, OURS, serving
from bench.fanout.setup import Had, MissingError, load_generator
from bench.figures import spread
from bench.options import Options
from bench.pinning import loading_apart
from bench.table import Cell, Table

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
        had = Had({"loadgen": load_generator()})
    except MissingError as error:
        return [Table("Slow reader: not measured", ("", "reason"), [("load generator", str(error))])]
    rows: list[tuple[Cell, ...]] = []
    with loading_apart() as pinned:
        for contender in (one for one in CONTENDERS if one.name in OURS):
            found: list[Fanout] = []
            for _ in range(options.rounds):
                async with serving(contender, had, pin=pinned) as servers:
                    phases = tuple((in_flight, options.seconds / 2) for in_flight in IN_FLIGHT * 2)
                    load = Load(READERS, phases, stuck=1, stuck_from=len(IN_FLIGHT))
                    found.append(await put_fanout(servers, contender.dialect, load, had.paths["loadgen"]))
            for place, in_flight in enumerate(IN_FLIGHT):
                for which, words in ((place, "all read"), (place + len(IN_FLIGHT), "one stuck")):
                    name = f"{contender.name}, {in_flight}, {words}"
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
