"""A fuzz session: many hostile clients at one portal, and the invariants meanwhile and after."""

import asyncio
import logging
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from opsroom_messaging.client.connection import connect
from opsroom_messaging.deployment.permissions import USERS
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.api_clients import token_of
from services.gateway.tests.kit.portal import Address
from tests.fuzz.canaries import Canaries, running_canaries
from tests.fuzz.cases.http_cases import HTTP_CASES
from tests.fuzz.cases.nats_cases import NATS_CASES
from tests.fuzz.cases.socket_cases import SOCKET_CASES
from tests.fuzz.cases.variants import variant
from tests.fuzz.client import Case, FindingError, FuzzClient
from tests.fuzz.mutants import MUTANTS
from tests.fuzz.target import ResourceUsage, Target, target

AT_ONCE = 32
"""Cases that are sent at once. Some are drawn, the others are cheaper variants of them."""
MUTANT_CASES = 2 * AT_ONCE
MUTANT_ROUNDS = 4
MUTANT_SECONDS = 1.5
"""Cases per round, rounds in which a mutant must be detected, and how long a case waits for what the
mutant withholds."""
ENOUGH = 20
_SERVED_EVERY = 8
_SPARE_TASKS = 4
"""Short-lived tasks of the services: a lease renewal, a page of history."""
_SETTLED_SECONDS = 0.1
_TOLD_EVERY = 20
_COMPLAINT = re.compile(
    r" (ERROR|CRITICAL) |^Traceback|Exception ignored|never (awaited|retrieved)|was destroyed but|Warning: "
)
log = logging.getLogger(__name__)

DRAWN: st.SearchStrategy[tuple[Case, ...]] = st.tuples(*SOCKET_CASES, *HTTP_CASES, *NATS_CASES)
"""One of each group."""


@dataclass(slots=True)
class Tally:
    """The result of a session. ``findings``: all findings in full; it should be empty."""

    cases: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    findings_by_kind: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    before: ResourceUsage | None = None
    after: ResourceUsage | None = None

    def add_finding(self, kind: str, what: str) -> None:
        """Record a finding."""
        self.findings_by_kind[kind] += 1
        self.findings.append(f"{kind}: {what[:3000]}")
        log.warning("%s: %s", kind, what[:500])


class Enough(BaseException):
    """Too many findings: the session ends. A BaseException, so that Hypothesis does not shrink it."""


class FuzzSession:
    """A portal under attack, with its canaries and the fuzz client."""

    def __init__(self, process: Target, canaries: Canaries, client: FuzzClient) -> None:
        self.target = process
        self.tally = Tally()
        self.patience = PATIENCE_SECONDS
        """The timeout of everything that has to happen."""
        self.at_once = client.places
        self._canaries = canaries
        self._client = client
        self._read = 0
        self._batches = 0

    async def batch(self, cases: list[Case]) -> None:
        """Send ``cases`` at once, and check that the canaries were served."""
        self._batches += 1
        self._client.instance = await self._canaries.instance(self._client.instance)
        attack = asyncio.gather(*(self._one(case, place) for place, case in enumerate(cases)))
        found = await self._canaries.check(self.patience)
        if self._batches % _SERVED_EVERY == 1:
            found += await self._canaries.serve(self.patience)
        await attack
        found += await self._canaries.check(self.patience)
        for what in (*found, *self._complaints()):
            self.tally.add_finding("canaries and log", f"{what}\n  after {cases!r}")
        if len(self.tally.findings) >= ENOUGH:
            raise Enough
        if not self._batches % _TOLD_EVERY:
            log.info("%d cases, %d findings", self.tally.cases.total(), len(self.tally.findings))

    async def settle(self) -> None:
        """Let the canaries catch up with what they missed."""
        await self._canaries.check(self.patience)
        self._complaints()

    async def measured(self) -> ResourceUsage:
        """Measure the target's resources, once they stopped shrinking."""
        last = await self.target.ask()
        while True:
            await asyncio.sleep(_SETTLED_SECONDS)
            now = await self.target.ask()
            if not _left(now, last):
                return now
            last = now

    async def held(self, before: ResourceUsage, cases: int) -> list[str]:
        """Return the resources that are still held after ``cases`` and were not ``before``."""
        deadline = time.monotonic() + self.patience
        while True:
            after = await self.target.ask()
            found = [*_left(before, after), *_kept(before, after, cases)]
            if not found or time.monotonic() > deadline:
                self.tally.before, self.tally.after = before, after
                return found
            await asyncio.sleep(_SETTLED_SECONDS)

    async def end(self, before: ResourceUsage, cases: int) -> Tally:
        """Do the final checks and return the tally."""
        if len(self.tally.findings) < ENOUGH:
            found = [*await self._canaries.replayed(), *await self.held(before, cases), *self._complaints()]
            for what in found:
                self.tally.add_finding("end of session", what)
        self.tally.waits = self._canaries.waits
        return self.tally

    async def _one(self, case: Case, place: int) -> None:
        self.tally.cases[case.kind] += 1
        try:
            await self._client.send(case, place, self.patience)
        except FindingError as error:
            self.tally.add_finding(case.kind, f"{error}\n  after {case!r}")

    def _complaints(self) -> list[str]:
        with self.target.log.open("rb") as log:
            log.seek(self._read)
            said = log.read()
            self._read = log.tell()
        lines = said.decode(errors="replace").splitlines()
        found = [n for n, line in enumerate(lines) if _COMPLAINT.search(line)]
        return ["\n".join(lines[n : n + 30]) for n in found] + ([] if self.target.alive else ["it died"])


def _left(before: ResourceUsage, after: ResourceUsage) -> list[str]:
    counts = (
        ("tasks", before.tasks + _SPARE_TASKS, after.tasks),
        ("descriptors", before.descriptors, after.descriptors),
        ("sockets", before.sockets, after.sockets),
    )
    return [f"{now} {what} are left, there were {was}" for what, was, now in counts if now > was]


def _kept(before: ResourceUsage, after: ResourceUsage, cases: int) -> list[str]:
    room = max(8, cases // 100)
    return [
        f"{count} objects of {kind}, there were {before.objects.get(kind, 0)}"
        for kind, count in after.objects.items()
        if count - before.objects.get(kind, 0) > room
    ]


@asynccontextmanager
async def fuzz_session(folder: Path, at_once: int = AT_ONCE) -> AsyncIterator[FuzzSession]:
    """Start a session in ``folder``, for ``at_once`` cases at a time."""
    broker = GuardedBroker(folder)
    await broker.start()
    try:
        async with AsyncExitStack() as stack:
            process = await stack.enter_async_context(target(broker))
            clients = {}
            for user in USERS:
                connected = await connect(broker.url, name=user, credentials=broker.access(user))
                stack.push_async_callback(connected.close)
                clients[user] = connected.client
            canaries = await stack.enter_async_context(running_canaries(process.port))
            tokens = [await token_of(Address(process.port)) for _ in range(at_once)]
            yield FuzzSession(process, canaries, FuzzClient(process.port, clients, tokens))
    finally:
        await broker.stop()


def run_session(runner: asyncio.Runner, session: FuzzSession, cases: int, number: int) -> Tally:
    """Run ``cases`` cases of the seed ``number``."""
    drive(
        runner, session, 2 * session.at_once, number + 1
    )  # warm-up: what is allocated at first use is no leak
    session.tally.cases.clear()
    before = runner.run(session.measured())
    drive(runner, session, cases, number)
    return runner.run(session.end(before, cases))


def undetected(runner: asyncio.Runner, session: FuzzSession, mutant: str) -> list[str]:
    """Attack while ``mutant`` is planted. Returns nothing if it was detected, else the other findings."""
    before = runner.run(session.measured())
    runner.run(session.target.ask(plant=mutant))
    told: list[str] = []
    patience = session.patience
    try:
        for number in range(MUTANT_ROUNDS):
            # On a busy machine everything is late: double the timeout instead of reporting that.
            session.patience, session.tally = patience * 2**number, Tally()
            drive(runner, session, MUTANT_CASES, number)
            told = [*session.tally.findings, *runner.run(session.held(before, MUTANT_CASES))]
            if any(re.search(MUTANTS[mutant].detected_by, one) for one in told):
                return []
    finally:
        runner.run(session.target.ask(restore=mutant))
        session.patience, session.tally = patience, Tally()
        runner.run(session.settle())
    return [f"not detected: {mutant}", *told]


def drive(runner: asyncio.Runner, session: FuzzSession, cases: int, number: int) -> None:
    """Draw batches and send each."""

    @seed(number)
    @settings(
        max_examples=-(-cases // session.at_once),
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(DRAWN, st.integers(0, 2**32))
    def example(drawn: tuple[Case, ...], number: int) -> None:
        chance = random.Random(number)
        more = [variant(drawn[n % len(drawn)], chance) for n in range(session.at_once - len(drawn))]
        runner.run(session.batch([*drawn, *more]))

    with suppress(Enough):
        example()
