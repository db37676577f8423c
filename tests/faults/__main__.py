"""``./opsroom faults``: inject faults under load, and check the history."""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from functools import partial
from pathlib import Path

from tests.agents.evenings import Plan, run_evenings
from tests.faults.agents.options import add_options, agents_of, not_with, servers_of
from tests.faults.agents.spec import AgentSpec
from tests.faults.cluster.cluster import Size
from tests.faults.cluster.proxy_server import find_nginx
from tests.faults.nemesis.plan import FaultKind, Scope
from tests.faults.report import facts_of, summed, text_of
from tests.faults.run import Folders, run
from tests.faults.verification.verdict import Bounds
from tests.faults.workload import Load

_SMALL_DISK_BYTES = 1024**3
_STREAM_FAULTS_MINUTES = 2.0
"""In a shorter run, a restore would excuse too much of the time."""
_SLEEPS_MINUTES = 8.0
"""In a shorter run, there would not be half a minute between one sleep and the next."""
LEAST_JUDGED = 0.5
"""A run that judges less of the time for lists, names, commands, deliveries or requests fails."""


def main() -> int:
    """Run, or sum up earlier runs. Returns the exit code: 1 if a guarantee was violated."""
    parser = _parser()
    options = parser.parse_args()
    if options.sum:
        facts = summed(options.sum)
        print(text_of(facts))
        return 1 if facts["violations"] else 0
    if options.evening:
        seed = options.seed if options.seed is not None else int(time.time())
        return run_evenings(Plan(options.evening, seed), options.store, partial(print, flush=True))
    if options.disk and _size_of(options.disk) > _SMALL_DISK_BYTES:
        parser.error("--disk: must be a file system of its own of at most 1 GiB, since it will be filled")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for quiet in ("opsroom_messaging", "httpx"):
        logging.getLogger(quiet).setLevel(logging.ERROR)
    logging.getLogger("tests.faults").setLevel(logging.DEBUG if options.verbose else logging.INFO)
    seed = options.seed if options.seed is not None else int(time.time())
    with agents_of(parser, options, seed) as agent:
        return _run(options, seed, agent)


def _run(options: argparse.Namespace, seed: int, agent: AgentSpec | None) -> int:
    size = Size(
        options.gateways,
        options.chats,
        options.clouds,
        options.cluster,
        options.delay,
        failure_rate=options.failures,
        retention_bytes=options.retention,
        proxy=not options.no_proxy,
        operators=options.operators,
        clock=options.clock,
        agent=agent,
    )
    scope = Scope(
        options.minutes * 60,
        cluster=options.cluster,
        long=options.minutes >= _SLEEPS_MINUTES,
        full=options.disk is not None,
        clock=options.clock is not None,
        soak=options.soak,
        pause=options.pause,
        apart=options.apart,
        streams=options.minutes >= _STREAM_FAULTS_MINUTES,
        agent=agent is not None,
        only=options.faults,
        without=(*options.without, *not_with(agent)),
    )
    load = Load(
        people=options.people,
        visitors=options.visitors,
        operators=options.operators,
        lanes=options.lanes,
        window=options.window,
        pace=options.pace,
        servers=servers_of(options),
        approvals=options.approvals,
        mates=options.mates,
        mate_pace=options.mate_pace,
    )
    replay = f"./opsroom faults {' '.join(argument for argument in sys.argv[1:] if argument)}"
    if options.seed is None:
        replay += f" --seed {seed}"
    print(f"seed {seed}: {options.minutes:g} minutes", flush=True)
    folders = Folders(options.disk or options.store, options.keep)
    outcome = asyncio.run(run(seed, scope, size, load, folders, Bounds(judged=options.judged)))
    where = f", broker's data in {options.store}" if options.store else ""
    proxy = "nginx in front" if size.proxy and find_nginx() else "no proxy"
    busy = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {proxy}{where}"
    facts = facts_of(outcome, busy)
    if options.json:
        options.json.write_text(json.dumps(facts, indent=1) + "\n")
    print(text_of(facts))
    if outcome.violations:
        print(f"\nTo replay: {replay}")
        return 1
    return 0


def _kinds(text: str) -> tuple[FaultKind, ...]:
    return tuple(FaultKind(name) for name in text.split(",") if name)


def _size_of(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_blocks * found.f_frsize


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="opsroom faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="duration of the faults (default: 1)")
    parser.add_argument("--seed", type=int, help="the same seed makes the same plan")
    parser.add_argument(
        "--cluster", action="store_true", help="three broker nodes and three replicas of each stream"
    )
    parser.add_argument(
        "--soak", action="store_true", help="only load and churn, to see whether memory is flat"
    )
    parser.add_argument(
        "--approvals", action="store_true", help="a lane of commands that others must approve"
    )
    parser.add_argument(
        "--evening",
        type=int,
        metavar="KILLS",
        help="evenings from an alert to the report, until processes were killed this number of times",
    )
    parser.add_argument("--delay", type=float, default=1.0, help="seconds a command takes (default: 1)")
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--chats", type=int, default=2)
    parser.add_argument("--clouds", type=int, default=2)
    load = Load()
    parser.add_argument("--people", type=int, default=load.people)
    parser.add_argument("--visitors", type=int, default=load.visitors, help="users who come and go")
    parser.add_argument("--operators", type=int, default=load.operators)
    parser.add_argument("--lanes", type=int, default=load.lanes, help="pending commands of each operator")
    parser.add_argument(
        "--window",
        type=int,
        default=load.window,
        help="messages in flight of each user",
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=load.pace,
        help="seconds from an acknowledgement to the next message",
    )
    parser.add_argument(
        "--mates",
        type=int,
        default=load.mates,
        help="people with two devices, who use rooms, edits, reactions, files and read positions",
    )
    parser.add_argument(
        "--mate-pace",
        type=float,
        default=load.mate_pace,
        metavar="SECONDS",
        help="seconds between two actions of each of them, on average",
    )
    add_options(parser)
    parser.add_argument("--pause", type=float, default=1.1, help="seconds between faults, on average")
    parser.add_argument(
        "--apart",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="minimum time between faults",
    )
    kinds = f"of {', '.join(FaultKind)}"
    parser.add_argument(
        "--faults", type=_kinds, default=(), metavar="KIND,…", help=f"only these kinds of faults, {kinds}"
    )
    parser.add_argument(
        "--without", type=_kinds, default=(), metavar="KIND,…", help="all kinds of faults except these"
    )
    parser.add_argument(
        "--judged",
        type=float,
        default=LEAST_JUDGED,
        metavar="SHARE",
        help=f"the least share of the time that faults may not excuse (default: {LEAST_JUDGED})",
    )
    size = Size()
    parser.add_argument(
        "--failures",
        type=float,
        default=size.failure_rate,
        metavar="SHARE",
        help="how many operations the provider fails",
    )
    parser.add_argument(
        "--retention",
        type=int,
        default=size.retention_bytes,
        metavar="BYTES",
        help="how many bytes of messages are kept, at least 1,000,000",
    )
    parser.add_argument("--no-proxy", action="store_true", help="no nginx, even if it is installed")
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="put the data of the broker and the agents there, for example /dev/shm",
    )
    parser.add_argument(
        "--disk", type=Path, metavar="DIR", help="a small file system for the broker, to be filled"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results there")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep data and logs there")
    parser.add_argument("--clock", type=Path, metavar="LIBRARY", help="libfaketime.so.1, to let clocks step")
    parser.add_argument("--verbose", action="store_true", help="log every fault")
    parser.add_argument(
        "--sum",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="add up the results in these files; run nothing",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
