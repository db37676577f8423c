"""``./opsroom bench [SCENARIO …]``: measures, prints tables, and writes them as JSON where asked."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import machine
from bench.scenarios import commands, path, start
from bench.table import Table

Scenario = Callable[..., Awaitable[list[Table]]]

SCENARIOS: dict[str, tuple[Scenario, str]] = {
    "path": (path.measure, "send to delivered, every message stored, beside an in-memory relay"),
    "commands": (commands.measure_burst, "10,000 commands in one burst"),
    "lateness": (commands.measure_lateness, "how late 1,000 delayed events are"),
    "start": (start.measure, "start to ready, and memory"),
}


def main() -> None:
    """Measure what was asked for."""
    options = _options()
    facts = machine.facts()
    print("  ".join(f"{name}: {value}" for name, value in facts.items()))
    if machine.is_busy(float(facts["load"])):
        print("WARNING: something else is running on this machine; these figures are noise.")
    found: list[Table] = []
    for name in options.scenarios or SCENARIOS:
        measure, _ = SCENARIOS[name]
        for table in asyncio.run(_measured(measure, options)):
            print(f"\n{table.text()}", flush=True)
            found.append(table)
    if options.json is not None:
        report = {"machine": facts, "tables": [table.data() for table in found]}
        options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


async def _measured(measure: Scenario, options: argparse.Namespace) -> list[Table]:
    return await measure(delay=options.delay, pin=options.pin)


def _options() -> argparse.Namespace:
    about = "\n".join(f"  {name:10}{words}" for name, (_, words) in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="opsroom bench",
        description="Measure the portal's real processes on this machine.",
        epilog=f"scenarios (default: all):\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--delay", type=float, default=10.0, help="seconds a command takes (default: 10)")
    parser.add_argument("--pin", action="store_true", help="servers on core 0, the load generator on core 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables there, too")
    options = parser.parse_args()
    for name in options.scenarios:
        if name not in SCENARIOS:
            parser.error(f"there is no scenario {name!r}: choose from {', '.join(SCENARIOS)}")
    return options


if __name__ == "__main__":
    main()
