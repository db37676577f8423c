"""``./opsroom bench [SCENARIO …]``: measure, print tables, and optionally write them as JSON."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.arguments import Arguments, parse
from bench.fanout.peer_setup import MissingError, install_peers
from bench.generators.flood_load import FLOODS
from bench.generators.process import GeneratorError
from bench.options import Options
from bench.results import machine
from bench.results.table import Table
from bench.scenarios import (
    agents,
    alerts,
    commands,
    fanout,
    files,
    floods,
    idle,
    lateness,
    log,
    memory,
    path,
    people,
    said,
    search,
    slope,
    slow,
    start,
    stored,
    storm,
)
from bench.servers.pinning import LOAD_CORE
from bench.servers.portal import ServerExitedError
from bench.stores.setup import install_stores

_PATIENCE = 3.0
_PATIENCE_SECONDS = 120.0
"""The timeout of a scenario: a multiple of its expected duration, plus a number of seconds."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``seconds``: the expected duration on two cores, without the setup."""

    measure: Callable[[Options], Awaitable[list[Table]]]
    about: str
    seconds: Callable[[Options], float]


_START_SECONDS = 4.0
"""The time to start and stop a portal."""

SCENARIOS: dict[str, Scenario] = {
    "fanout": Scenario(
        fanout.measure,
        "one message to very many readers, beside every peer",
        lambda o: o.rounds * sum((14 + n / 500) * fanout.visited(o) for n in o.readers),
    ),
    "path": Scenario(
        path.measure,
        "send to delivered, every message stored, beside relays and other stores",
        path.seconds,
    ),
    "stored": Scenario(
        stored.measure,
        "messages stored a second through one chat process",
        lambda o: o.rounds * len(stored.CASES) * (o.seconds + _START_SECONDS),
    ),
    "log": Scenario(
        log.measure,
        "the broker's memory for stored messages, and starts with them",
        log.seconds,
    ),
    "files": Scenario(
        files.measure,
        "upload and download of files of 10 MiB, beside nginx",
        files.seconds,
    ),
    "search": Scenario(
        search.measure,
        "searches in many messages, and the index for them",
        search.seconds,
    ),
    "slow": Scenario(
        slow.measure,
        "1 of 1,000 readers stops reading",
        lambda o: o.rounds * 2 * (2 * o.seconds + 8),
    ),
    "floods": Scenario(
        floods.measure,
        "floods from one address: what others notice",
        lambda o: len(FLOODS) * (len(floods.SOCKETS) + 1) * (o.seconds + 2),
    ),
    "storm": Scenario(
        storm.measure,
        "everybody reconnects and resumes at once",
        lambda o: 2 * (20 + max(o.crowds) / 75),
    ),
    "people": Scenario(
        people.measure,
        "many named people join one room",
        lambda o: 8 + max(o.crowds) / 150,
    ),
    "memory": Scenario(
        memory.measure,
        "idle readers of the whole portal",
        lambda o: sum(2 * (8 + n / 250) for n in o.crowds),
    ),
    "commands": Scenario(
        commands.measure,
        "10,000 commands in one burst",
        lambda o: o.rounds * 2 * (o.delay + 20),
    ),
    "said": Scenario(
        said.measure,
        "a command said in the chat, and the same over HTTP",
        lambda _: said.COUNT * 0.1 + 15,
    ),
    "agents": Scenario(
        agents.measure,
        "servers behind an agent: reconciliation, logs, commands",
        lambda o: o.rounds * (60 + agents.STUCK_SECONDS + 2 * o.seconds + o.delay),
    ),
    "alerts": Scenario(
        alerts.measure,
        "1,000 alerts a minute of 50 keys: to the card on 100 pages",
        alerts.seconds,
    ),
    "lateness": Scenario(
        lateness.measure, "how late 1,000 delayed events are", lambda o: o.rounds * (o.delay + 9)
    ),
    "start": Scenario(start.measure, "start to ready, and memory", lambda _: 60),
    "idle": Scenario(idle.measure, "memory and CPU while nobody uses it", lambda _: idle.SECONDS + 30),
    "slope": Scenario(
        slope.measure, "what grows in minutes of load", lambda o: o.minutes * 60 + _START_SECONDS + 3
    ),
}


def main() -> int:
    """Run the command. Returns the exit code."""
    arguments = parse({name: one.about for name, one in SCENARIOS.items()})
    if arguments.setup:
        return _set_up()
    try:
        return asyncio.run(_measure(arguments))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


def _set_up() -> int:
    """Install all peers."""
    try:
        tools = install_peers()
    except MissingError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    stores = install_stores()
    tools.paths |= stores.paths
    tools.missing |= stores.missing
    for name, place in tools.paths.items():
        print(f"{name + ':':<12}{place}")
    for name, reason in tools.missing.items():
        print(f"{name + ':':<12}MISSING: {reason}")
    return 0


async def _measure(arguments: Arguments) -> int:
    """Run the scenarios in order. The report is updated after each."""
    task = asyncio.current_task()
    assert task is not None
    # like Ctrl-C: the servers are stopped on the way out
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    facts = machine.facts()
    print("\n".join(f"{name + ':':<13}{value}" for name, value in facts.items()), flush=True)
    if machine.is_busy(float(facts["load"])):
        print("WARNING: something else is running on this machine; these figures are noise.", flush=True)
    options = arguments.options
    _announce(arguments.scenarios, options)
    if options.pin and sys.platform == "linux":
        os.sched_setaffinity(0, {LOAD_CORE})  # the generators inherit it
    found: list[dict[str, object]] = []
    failed = False
    for name in arguments.scenarios:
        begun = time.perf_counter()
        tables, fault = await _tables(SCENARIOS[name], options)
        failed = failed or fault is not None
        for table in tables:
            print(f"\n{table.text()}", flush=True)
        seconds = round(time.perf_counter() - begun, 1)
        print(f"\n({name}: {fault or 'done'} after {seconds:g} s)", flush=True)
        found += [{"scenario": name, "seconds": seconds, **table.data()} for table in tables]
        if fault is not None:
            found.append({"scenario": name, "seconds": seconds, "fault": fault})
        if arguments.report is not None:
            _write(arguments.report, {"machine": facts, "options": asdict(options), "tables": found})
    return int(failed)


async def _tables(scenario: Scenario, options: Options) -> tuple[list[Table], str | None]:
    """Return the tables, or the reason for a failure: the other scenarios still run."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS + _PATIENCE * scenario.seconds(options)):
            return await scenario.measure(options), None
    except (ServerExitedError, GeneratorError, TimeoutError, ConnectionError) as error:
        return [], f"FAILED: {str(error) or 'no answer in time'}"


def _announce(scenarios: list[str], options: Options) -> None:
    seconds = {name: SCENARIOS[name].seconds(options) for name in scenarios}
    print("\nestimated duration, with all peers installed (./opsroom bench --setup):")
    for name, each in {**seconds, "all": sum(seconds.values())}.items():
        print(
            f"  {name:<10}{each / 60:5.1f} min  {SCENARIOS[name].about if name in SCENARIOS else ''}".rstrip()
        )
    sys.stdout.flush()


def _write(report: Path, content: dict[str, object]) -> None:
    """Write the report atomically."""
    fresh = report.with_name(report.name + ".new")
    fresh.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(report)


if __name__ == "__main__":
    sys.exit(main())
