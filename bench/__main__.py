"""``./opsroom bench [SCENARIO …]``: measures, prints tables, and writes them as JSON where asked."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from bench import machine
from bench.generator import GeneratorError
from bench.options import Options
from bench.pinning import LOAD_CORE, pinning_fault
from bench.portal import DiedError
from bench.scenarios import commands, fanout, lateness, path, start
from bench.table import Table

Scenario = Callable[[Options], Awaitable[list[Table]]]

SCENARIOS: dict[str, tuple[Scenario, str]] = {
    "fanout": (fanout.measure, "one message to very many readers, beside every peer"),
    "path": (path.measure, "send to delivered, every message stored, beside an in-memory relay"),
    "commands": (commands.measure, "10,000 commands in one burst"),
    "lateness": (lateness.measure, "how late 1,000 delayed events are"),
    "start": (start.measure, "start to ready, and memory"),
}


def main() -> int:
    """Measure what was asked for; the exit code."""
    parser = _parser()
    arguments = parser.parse_args()
    unknown = set(arguments.scenarios) - SCENARIOS.keys()
    if unknown:
        parser.error(f"there is no scenario {min(unknown)!r}: choose from {', '.join(SCENARIOS)}")
    fault = pinning_fault() if arguments.pin else None
    if fault:
        parser.error(f"--pin: {fault}")
    options = Options(
        arguments.rounds,
        arguments.seconds,
        arguments.delay,
        arguments.pin,
        tuple(arguments.readers),
        tuple(arguments.only),
    )
    try:
        asyncio.run(_measure(arguments.scenarios or list(SCENARIOS), options, arguments.json))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except (DiedError, GeneratorError, TimeoutError) as error:
        print(f"bench: {str(error) or 'no answer in time'}", file=sys.stderr)
        return 1
    return 0


async def _measure(scenarios: list[str], options: Options, report: Path | None) -> None:
    """Run ``scenarios`` one after another; after each, the report holds what there is so far."""
    task = asyncio.current_task()
    assert task is not None
    # As Ctrl-C does: what was started is stopped on the way out.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    facts = machine.facts()
    print("\n".join(f"{name + ':':<13}{value}" for name, value in facts.items()), flush=True)
    if machine.is_busy(float(facts["load"])):
        print("WARNING: something else is running on this machine; these figures are noise.", flush=True)
    if options.pin and sys.platform == "linux":
        os.sched_setaffinity(0, {LOAD_CORE})  # the generators inherit it
    found: list[dict[str, object]] = []
    for name in scenarios:
        tables = await SCENARIOS[name][0](options)
        for table in tables:
            print(f"\n{table.text()}", flush=True)
        found += [{"scenario": name, **table.data()} for table in tables]
        if report is not None:
            _write(report, {"machine": facts, "options": asdict(options), "tables": found})


def _write(report: Path, content: dict[str, object]) -> None:
    report.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {name:10}{words}" for name, (_, words) in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="opsroom bench",
        description="Measure the portal's real processes on this machine.",
        epilog=f"scenarios (default: all):\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--rounds", type=_count, default=3, help="how often each is measured (default: 3)")
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="of sending in each round of path (default: 8)"
    )
    parser.add_argument("--delay", type=float, default=10.0, help="seconds a command takes (default: 10)")
    parser.add_argument("--pin", action="store_true", help="servers on core 0, the load generator on core 1")
    parser.add_argument(
        "--readers",
        type=_count,
        nargs="+",
        default=(100, 1_000, 10_000),
        help="how many fanout connects (default: 100 1000 10000)",
    )
    parser.add_argument("--only", nargs="+", default=(), metavar="WORD", help="servers that fanout visits")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables there, too")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
