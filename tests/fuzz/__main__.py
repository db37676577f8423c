"""``./opsroom fuzz``: attack a portal with random cases, and report the findings."""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.fuzz.autobahn import judged
from tests.fuzz.driving import MUTANT_SECONDS, run_session, undetected
from tests.fuzz.mutants import MUTANTS
from tests.fuzz.report import table
from tests.fuzz.rig import fuzz_session
from tests.fuzz.session import AT_ONCE, FuzzSession


def main() -> int:
    """Run the command. Returns the exit code: 1 if there was a finding."""
    parser = argparse.ArgumentParser(prog="opsroom fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="how many (default: 100000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same cases (default: 1)")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help=f"(default: {AT_ONCE})")
    parser.add_argument(
        "--patience",
        type=float,
        default=60.0,
        help="the timeout of every response in seconds (default: 60)",
    )
    parser.add_argument(
        "--planted",
        action="store_true",
        help="plant mutants instead, one by one, and check that each is detected",
    )
    parser.add_argument(
        "--autobahn",
        metavar="WSTEST",
        help="run the Autobahn WebSocket suite instead, by its command (autobahntestsuite, Python 2.7)",
    )
    options = parser.parse_args()
    if options.autobahn is not None:
        return _autobahn(options.autobahn)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("opsroom_messaging", "httpx"):  # such as the broker's permission violations
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        session = runner.run(stack.enter_async_context(fuzz_session(Path(folder), options.at_once)))
        try:
            return _run_mutants(runner, session) if options.planted else _attack(runner, session, options)
        finally:
            runner.run(stack.aclose())


def _autobahn(wstest: str) -> int:
    """Run the whole suite twice: as the gateway is by default, and with compression."""
    if shutil.which(wstest) is None:
        print(f"fuzz: there is no {wstest}", file=sys.stderr)
        return 2
    failed = 0
    for deflate in (False, True):
        text, bad = asyncio.run(judged(wstest, ["*"], deflate=deflate))
        print(f"permessage-deflate {'on' if deflate else 'off'}\n{text}", flush=True)
        failed += bad
    return 1 if failed else 0


def _attack(runner: asyncio.Runner, session: FuzzSession, options: argparse.Namespace) -> int:
    session.patience = options.patience
    began = time.monotonic()
    tally = run_session(runner, session, options.cases, options.seed)
    print(table(tally, time.monotonic() - began, options.seed))
    return 1 if tally.findings else 0


def _run_mutants(runner: asyncio.Runner, session: FuzzSession) -> int:
    session.patience = MUTANT_SECONDS
    silent = 0
    for mutant in MUTANTS:
        findings = undetected(runner, session, mutant)
        silent += bool(findings)
        print(f"{mutant:44}{'NOT DETECTED' if findings else 'detected'}", flush=True)
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
