"""A burst of commands: how many are accepted a second, and how long until each is done, once."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.clients.event_watcher import watch_events
from bench.generators.command_burst import Burst, BurstFigures, run_burst
from bench.options import Options
from bench.results.statistics import spread
from bench.results.table import Cell, Table
from bench.servers.portal import cpu_of, portal
from opsroom_messaging.client.connection import connect

COUNT = 10_000
AT_ONCE = {"NATS": 2_048, "HTTP": 256}
DONE_SECONDS = 120.0
"""How long an accepted command may take beyond its delay before it counts as never done."""


@dataclass(frozen=True, slots=True)
class Round:
    """One burst. ``beyond``: seconds from the first acceptance to the last end, less the delay.

    ``ends``: how often each accepted operation ended; ``cpu`` in seconds, ``resident`` in bytes.
    """

    figures: BurstFigures
    beyond: float
    ends: list[int]
    cpu: dict[str, float]
    resident: dict[str, int]


_COLUMNS: tuple[tuple[str, Callable[[Round], float]], ...] = (
    ("accepted/s", lambda r: len(r.figures.operations) / r.figures.elapsed),
    ("all done beyond delay s", lambda r: r.beyond),
    ("refused", lambda r: r.figures.refused),
    ("done once", lambda r: sum(ends == 1 for ends in r.ends)),
    ("done twice or more", lambda r: sum(ends > 1 for ends in r.ends)),
    ("never done", lambda r: r.ends.count(0)),
    ("server CPU µs/command", lambda r: sum(r.cpu.values()) / len(r.ends) * 1e6),
    ("generator CPU %", lambda r: r.figures.generator_cpu * 100),
)
_MEMORY = ("nats", "chat", "cloud", "gateway")


async def measure(options: Options) -> list[Table]:
    """10,000 creates over NATS requests and over HTTP, each on a fresh portal."""
    rounds: dict[str, list[Round]] = {way: [] for way in AT_ONCE}
    for _ in range(options.rounds):
        for way in AT_ONCE:
            rounds[way].append(await _round(way, options))
    rows: list[tuple[Cell, ...]] = [
        (_name(way), *(spread([read(each) for each in measured]) for _, read in _COLUMNS))
        for way, measured in rounds.items()
    ]
    memory: list[tuple[Cell, ...]] = [
        (_name(way), *(spread([each.resident[name] / 2**20 for each in measured]) for name in _MEMORY))
        for way, measured in rounds.items()
    ]
    title = f"{COUNT:,} creates in one burst (delay {options.delay:g} s, rounds: {options.rounds})"
    return [
        Table(title, ("over, at once", *(header for header, _ in _COLUMNS)), rows),
        Table(
            "Resident memory after the burst", ("over, at once", *(f"{name} MiB" for name in _MEMORY)), memory
        ),
    ]


async def _round(way: str, options: Options) -> Round:
    async with portal(delay=options.delay, pin=options.pin) as servers:
        broker = await connect(servers.nats_url, name="bench")
        try:
            with cpu_of(servers.pids()) as cpu:
                figures = await run_burst(Burst(way, servers.port, servers.nats_url, COUNT, AT_ONCE[way]))
                # Followed only now: so it doesn't take the generator's core, and misses nothing.
                async with watch_events(broker) as watcher:
                    await watcher.wait_done(figures.operations, options.delay + DONE_SECONDS, servers.check)
            ends = [watcher.done[operation] for operation in figures.operations]
            return Round(figures, watcher.seconds() - options.delay, ends, cpu, servers.resident_bytes())
        finally:
            await broker.close()


def _name(way: str) -> str:
    return f"{way}, {AT_ONCE[way]:,}"
