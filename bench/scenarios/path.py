"""Send to delivered, through the whole path with the message stored.

Beside it are relays that store nothing, and other chat servers that store each message.
"""

from collections.abc import Callable

from bench.fanout.peer_setup import PeerTools
from bench.generators.chat_load import Figures, Plan, run_chat_load
from bench.generators.event_load import run_event_load
from bench.generators.process import GeneratorError
from bench.options import Options
from bench.results.statistics import Spread, spread
from bench.results.table import Cell, Table
from bench.servers.peers import EVENTS, Peer, build_peers
from bench.servers.portal import ServerExitedError
from bench.stores.setup import install_stores

READERS = 100
CROWD = 1_000
SENDERS = (1, 16)
SIZE = 200
_LOADS = (11 + 8) * len(SENDERS)
"""How many there are in a round if all peers are installed."""
_START_SECONDS = 4.0
_JOINS_SECONDS = 960.0
"""What it takes to register and join everybody at the slowest of the others."""


def seconds(options: Options) -> float:
    """Return about how long it takes on two cores."""
    return options.rounds * (_LOADS * (options.seconds + _START_SECONDS) + _JOINS_SECONDS)


def _cpu_per_delivery(figures: Figures) -> float:
    """Microseconds of all server processes together."""
    return sum(figures.cpu.values()) / max(figures.deliveries, 1) * 1e6


Key = tuple[str, int, int]
"""A contender, the number of readers, and that of senders."""
Rounds = dict[Key, list[Figures]]

_LATENCY: tuple[tuple[str, Callable[[Figures], float]], ...] = (
    ("each p50 ms", lambda f: f.each.p50),
    ("each p99 ms", lambda f: f.each.p99),
    ("each max ms", lambda f: f.each.most),
    ("last p50 ms", lambda f: f.last.p50),
    ("last p99 ms", lambda f: f.last.p99),
)
_RATE: tuple[tuple[str, Callable[[Figures], float]], ...] = (
    ("messages/s", lambda f: f.messages / f.elapsed),
    ("deliveries/s", lambda f: f.deliveries / f.elapsed),
    ("server CPU µs/delivery", _cpu_per_delivery),
    ("server CPU %", lambda f: sum(f.cpu.values()) / f.elapsed * 100),
    ("generator CPU %", lambda f: f.generator_cpu * 100),
    ("out of order", lambda f: f.misordered),
)
_RATIO: tuple[tuple[str, Callable[[Figures], float]], ...] = (
    ("each p50", _LATENCY[0][1]),
    ("each p99", _LATENCY[1][1]),
    ("messages/s", _RATE[0][1]),
    ("server CPU/delivery", _cpu_per_delivery),
)


async def measure(options: Options) -> list[Table]:
    """Latency, rate and cost, and where the cost goes, of all contenders; then the ratios.

    Every round visits all contenders, so that what disturbs the machine for a while disturbs them alike.
    """
    tools = install_stores()
    missing = dict(tools.missing)
    rounds: Rounds = {}
    for _ in range(options.rounds):
        for peer in _contenders(options, tools):
            for readers in (READERS, CROWD) if peer.crowded else (READERS,):
                for senders in SENDERS:
                    key = peer.name, readers, senders
                    try:
                        measured = await _round(peer, readers, senders, options.seconds)
                    except (GeneratorError, ServerExitedError, TimeoutError) as error:
                        if not peer.is_other:
                            raise
                        missing[_name(key)] = str(error) or "no reply in time"
                    else:
                        rounds.setdefault(key, []).append(measured)
    rounds = {key: measured for key, measured in rounds.items() if len(measured) == options.rounds}
    what = f"{SIZE} bytes of text, {options.seconds:g} s, rounds: {options.rounds}"
    absent = Table("Send to delivered: missing", ("server", "reason"), list(missing.items()))
    return [
        _table(f"Send to delivered: latency ({what})", rounds, _LATENCY),
        _table("Send to delivered: rate and cost", rounds, _RATE),
        _cpu_table(rounds),
        _ratios(rounds),
        *([absent] if missing else []),
    ]


def _contenders(options: Options, tools: PeerTools) -> list[Peer]:
    """Return the baseline, and what ``--only`` selects by name."""
    first, *others = build_peers(options, tools)
    words = [word.lower() for word in options.only]
    return [first, *(one for one in others if not words or any(word in one.name.lower() for word in words))]


async def _round(peer: Peer, readers: int, senders: int, seconds: float) -> Figures:
    async with peer.open() as servers:
        plan = Plan(servers.ports, servers.pids(), peer.protocol, readers, senders, seconds, SIZE)
        return await (run_event_load(plan) if peer.protocol == EVENTS else run_chat_load(plan))


def _table(title: str, rounds: Rounds, columns: tuple[tuple[str, Callable[[Figures], float]], ...]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (_name(key), *(spread([read(each) for each in measured]) for _, read in columns))
        for key, measured in rounds.items()
    ]
    return Table(title, ("server, readers, senders", *(header for header, _ in columns)), rows)


def _cpu_table(rounds: Rounds) -> Table:
    """CPU per message and process, where there is more than one process."""
    names = ("nats", "chat", "cloud", "gateway")
    rows: list[tuple[Cell, ...]] = [
        (
            _name(key),
            *(spread([_cpu_of(each, name) / each.messages * 1e6 for each in measured]) for name in names),
        )
        for key, measured in rounds.items()
        if set(names) <= measured[0].cpu.keys()
    ]
    return Table(
        "Server CPU by process", ("server, readers, senders", *(f"{name} µs/message" for name in names)), rows
    )


def _cpu_of(figures: Figures, name: str) -> float:
    """Seconds of all processes of that kind."""
    return sum(cpu for process, cpu in figures.cpu.items() if process.startswith(name))


def _ratios(rounds: Rounds) -> Table:
    """Each round against the relay's of the same round."""
    baseline = next(iter(rounds))[0]
    rows: list[tuple[Cell, ...]] = [
        (_name(key), *(_ratio(measured, rounds[baseline, *key[1:]], read) for _, read in _RATIO))
        for key, measured in rounds.items()
        if key[0] != baseline
    ]
    return Table(
        f"Times that of: {baseline}", ("server, readers, senders", *(header for header, _ in _RATIO)), rows
    )


def _ratio(measured: list[Figures], baseline: list[Figures], read: Callable[[Figures], float]) -> Spread:
    return spread([read(ours) / read(theirs) for ours, theirs in zip(measured, baseline, strict=True)])


def _name(key: Key) -> str:
    name, readers, senders = key
    return f"{name}, {readers:,}, {senders}"
