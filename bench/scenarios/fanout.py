"""One message to very many readers: the gateway's fan-out beside its peers, each on one core."""

from bench.fanout.loadgen import Fanout, Load, Phase, put_fanout
from bench.fanout.servers import CONTENDERS, Contender, serving
from bench.fanout.setup import Had, MissingError, set_up
from bench.figures import spread
from bench.generator import GeneratorError
from bench.options import Options
from bench.pinning import loading_apart
from bench.portal import DiedError
from bench.table import Cell, Table

IN_FLIGHT = (1, 16, 64)
_SECONDS = 3.0

Rounds = dict[str, list[Fanout]]
"""By server, one a round."""


async def measure(options: Options) -> list[Table]:
    """A table for each number of readers; the last names what is missing and what failed."""
    try:
        had = set_up()
    except MissingError as error:
        return [Table("Fan-out: not measured", ("", "reason"), [("load generator", str(error))])]
    with loading_apart() as pinned:
        return await _measured(options, had, pin=pinned)


async def _measured(options: Options, had: Had, *, pin: bool) -> list[Table]:
    faults: dict[str, str] = {}
    tables: list[Table] = []
    for readers in options.readers:
        rounds: Rounds = {}
        for _ in range(options.rounds):
            for contender in _wanted(options):
                await _visit(contender, had, readers, (rounds, faults), pin=pin)
        tables += _tables(readers, rounds, pinned=pin)
    if faults:
        tables.append(Table("Fan-out: missing", ("server", "reason"), list(faults.items())))
    return tables


def visited(options: Options) -> int:
    """How many servers are visited in a round."""
    return len(_wanted(options))


def _wanted(options: Options) -> list[Contender]:
    return [one for one in CONTENDERS if not options.only or any(word in one.name for word in options.only)]


async def _visit(
    contender: Contender, had: Had, readers: int, found: tuple[Rounds, dict[str, str]], *, pin: bool
) -> None:
    rounds, faults = found
    if contender.needs in had.missing:
        faults[contender.name] = had.missing[contender.needs]
        return
    load = Load(readers, tuple((in_flight, _SECONDS) for in_flight in IN_FLIGHT))
    try:
        async with serving(contender, had, pin=pin) as servers:
            measured = await put_fanout(servers, contender.dialect, load, had.paths["loadgen"])
    except (DiedError, GeneratorError, TimeoutError) as error:
        faults[f"{contender.name}, {readers:,} readers"] = str(error) or "no answer in time"
        return
    rounds.setdefault(contender.name, []).append(measured)


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
