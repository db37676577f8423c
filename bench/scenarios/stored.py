"""How many messages a second one chat process stores, each on disk before it is acknowledged."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.generators.store_load import NATS, SOCKETS, StoreFigures, StorePlan, run_store_load
from bench.options import Options
from bench.results.statistics import spread
from bench.results.table import Cell, Table
from bench.servers.portal import portal

SIZE = 200


@dataclass(frozen=True, slots=True)
class Case:
    """``senders`` people with ``at_once`` unanswered sends each, by ``way``, with ``gateways`` gateways."""

    name: str
    way: str
    senders: int
    at_once: int
    gateways: int


CASES = (
    Case("NATS, 1 at once", NATS, 1, 1, 1),
    Case("NATS, 16 at once", NATS, 16, 1, 1),
    Case("NATS, 512 at once", NATS, 32, 16, 1),
    Case("NATS, 2,048 at once", NATS, 64, 32, 1),
    Case("48 sockets, 1 gateway", SOCKETS, 48, 4, 1),
    Case("48 sockets, 2 gateways", SOCKETS, 48, 4, 2),
)
_RATE: tuple[tuple[str, Callable[[StoreFigures], float]], ...] = (
    ("stored/s", lambda f: f.stored / f.elapsed),
    ("p50 ms", lambda f: f.p50),
    ("p99 ms", lambda f: f.p99),
    ("refused", lambda f: f.refused),
    ("server CPU µs/message", lambda f: _micros(f, sum(f.cpu.values()))),
    ("server CPU %", lambda f: sum(f.cpu.values()) / f.elapsed * 100),
    ("generator CPU %", lambda f: f.generator_cpu * 100),
)
_PROCESSES = ("nats", "chat", "cloud", "gateway")


async def measure(options: Options) -> list[Table]:
    """From one message at a time to saturation, over NATS and by sockets."""
    rounds: dict[str, list[StoreFigures]] = {case.name: [] for case in CASES}
    for _ in range(options.rounds):
        for case in CASES:
            rounds[case.name].append(await _round(case, options))
    title = (
        f"Stored messages ({SIZE} bytes, one chat process, {options.seconds:g} s, rounds: {options.rounds})"
    )
    rates: list[tuple[Cell, ...]] = [
        (name, *(spread([read(each) for each in measured]) for _, read in _RATE))
        for name, measured in rounds.items()
    ]
    costs: list[tuple[Cell, ...]] = [
        (name, *(spread([_of(each, process) for each in measured]) for process in _PROCESSES))
        for name, measured in rounds.items()
    ]
    return [
        Table(title, ("by", *(header for header, _ in _RATE)), rates),
        Table("Stored messages: CPU by process", ("by", *(f"{p} µs/message" for p in _PROCESSES)), costs),
    ]


async def _round(case: Case, options: Options) -> StoreFigures:
    async with portal(delay=options.delay, pin=options.pin, gateways=case.gateways) as servers:
        return await run_store_load(
            StorePlan(
                case.way,
                servers.ports,
                servers.nats_port,
                servers.pids(),
                case.senders,
                case.at_once,
                options.seconds,
                SIZE,
            )
        )


def _of(figures: StoreFigures, process: str) -> float:
    """Of all processes of that kind."""
    return _micros(figures, sum(cpu for name, cpu in figures.cpu.items() if name.startswith(process)))


def _micros(figures: StoreFigures, seconds: float) -> float:
    return seconds / max(figures.stored, 1) * 1e6
