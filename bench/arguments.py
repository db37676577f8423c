"""The command line."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from bench.options import Options
from bench.servers.pinning import pinning_fault


@dataclass(frozen=True, slots=True)
class Arguments:
    """The parsed command line. ``setup``: only install the peers; ``report``: the JSON file to write."""

    scenarios: list[str]
    options: Options
    report: Path | None
    setup: bool


def parse(scenarios: dict[str, str]) -> Arguments:
    """Parse the command line; ``scenarios``: their descriptions by name. A mistake ends the process."""
    parser = _parser(scenarios)
    given = parser.parse_args()
    unknown = set(given.scenarios) - scenarios.keys()
    if unknown:
        parser.error(f"there is no scenario {min(unknown)!r}: choose from {', '.join(scenarios)}")
    fault = pinning_fault() if given.pin else None
    if fault:
        parser.error(f"--pin: {fault}")
    options = Options(
        rounds=given.rounds,
        seconds=given.seconds,
        delay=given.delay,
        pin=given.pin,
        readers=tuple(given.readers),
        only=tuple(given.only),
        crowds=tuple(given.crowds),
        minutes=given.minutes,
        messages=given.messages,
        share=given.share,
    )
    return Arguments(given.scenarios or list(scenarios), options, given.json, given.setup)


def _parser(scenarios: dict[str, str]) -> argparse.ArgumentParser:
    about = "\n".join(f"  {name:10}{words}" for name, words in scenarios.items())
    parser = argparse.ArgumentParser(
        prog="opsroom bench",
        description="Measure the portal's real processes on this machine.",
        epilog=f"scenarios (default: all):\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("scenarios", nargs="*", metavar="SCENARIO")
    add("--setup", action="store_true", help="install the servers to compare with, and measure nothing")
    add("--rounds", type=_count, default=3, help="how often each scenario is measured (default: 3)")
    add("--seconds", type=_seconds, default=8.0, help="load in each round of path and stored (default: 8)")
    add("--delay", type=_seconds, default=10.0, help="seconds a command takes (default: 10)")
    add("--pin", action="store_true", help="servers on core 0, the load generator on core 1")
    add(
        "--readers",
        type=_count,
        nargs="+",
        default=(100, 1_000, 10_000),
        help="numbers of readers in fanout (default: 100 1000 10000)",
    )
    add("--only", nargs="+", default=(), metavar="WORD", help="measure only these servers in fanout and path")
    add(
        "--crowds",
        type=_count,
        nargs="+",
        default=(1_000, 10_000),
        help="numbers of readers in memory; storm uses the largest (default: 1000 10000)",
    )
    add("--minutes", type=_seconds, default=10.0, help="how long slope lasts (default: 10)")
    add(
        "--messages",
        type=_count,
        default=1_000_000,
        help="stored messages in log and search (default: 1000000)",
    )
    add(
        "--share",
        type=_count,
        default=25,
        help="sockets of each person in memory and storm, at most 64 (default: 25)",
    )
    add("--json", type=Path, metavar="FILE", help="write the tables there, too, after each scenario")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError("must be a number above 0, at most 3600")
    return value
