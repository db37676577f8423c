"""A fuzz session: many hostile clients at one portal, and the invariants meanwhile and after."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from opsroom_messaging.client.connection import connect
from opsroom_messaging.deployment.permissions import USERS
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.api_clients import token_of
from services.gateway.tests.kit.portal import Address
from tests.fuzz.attackers.client import Case, FindingError, FuzzClient
from tests.fuzz.attribution import smallest
from tests.fuzz.resources import MemoryWatch, ResourceUsage, kept_objects, left_over
from tests.fuzz.tally import ENOUGH, Enough, Tally
from tests.fuzz.target import Target, target
from tests.fuzz.witnesses.canaries import Canaries, running_canaries
from tests.fuzz.witnesses.stopwatch import StopwatchError, StopwatchProcess, Wait, running_stopwatch

AT_ONCE = 32
"""Cases that are sent at once. Some are drawn, the others are cheaper variants of them."""
_SERVED_EVERY = 8
_SETTLED_SECONDS = 0.1
_TOLD_EVERY = 20
_TRIES = 2
"""How often cases are sent again to see whether they starve others."""
_CALM_SECONDS = 30.0
_BATCH_MIB = 48.0
"""The most memory that a batch may take, even for a moment."""
_COMPLAINT = re.compile(
    r" (ERROR|CRITICAL) |^Traceback|Exception ignored|never (awaited|retrieved)|was destroyed but|Warning: "
)
log = logging.getLogger(__name__)


class FuzzSession:
    """A portal under attack, with its witnesses and the fuzz client."""

    def __init__(
        self, process: Target, canaries: Canaries, stopwatch: StopwatchProcess, client: FuzzClient
    ) -> None:
        self.target = process
        self.tally = Tally()
        self.patience = PATIENCE_SECONDS
        """The timeout of everything that has to happen."""
        self.at_once = client.places
        self.memory = MemoryWatch(process.ready.pid)
        self._canaries = canaries
        self._stopwatch = stopwatch
        self._client = client
        self._read = 0
        self._batches = 0

    async def batch(self, cases: list[Case]) -> None:
        """Send ``cases`` at once, and check that the witnesses were served."""
        self._batches += 1
        self._client.instance = await self._canaries.instance(self._client.instance)
        memory = self.memory.begin()
        attack = asyncio.gather(*(self._one(case, place) for place, case in enumerate(cases)))
        found = await self._canaries.check(self.patience)
        if self._batches % _SERVED_EVERY == 1:
            found += await self._canaries.serve(self.patience)
        await attack
        found += await self._canaries.check(self.patience)
        for what in (*found, *self._complaints(), *self._memory_taken(memory)):
            self.tally.add_finding("witnesses, log and memory", f"{what}\n  after {cases!r}")
        await self._check_waits(cases)
        if len(self.tally.findings) >= ENOUGH:
            raise Enough
        if not self._batches % _TOLD_EVERY:
            log.info("%d cases, %d findings", self.tally.cases.total(), len(self.tally.findings))

    async def settle(self) -> None:
        """Let the witnesses catch up with what they missed."""
        await self._canaries.check(self.patience)
        await self._calm()
        self._complaints()

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
            if not left_over(now, last):
                return now
            last = now

    async def held(self, before: ResourceUsage, cases: int) -> list[str]:
        """Return the resources that are still held after ``cases`` and were not ``before``."""
        deadline = time.monotonic() + self.patience
        while True:
            after = await self.target.ask()
            found = [*left_over(before, after), *kept_objects(before, after, cases)]
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

    def _memory_taken(self, before: float) -> list[str]:
        self.tally.peak_mib = max(self.tally.peak_mib, self.memory.peak)
        taken = self.memory.peak - before
        return [f"{taken:.0f} MiB of memory were taken"] if taken > _BATCH_MIB else []

    async def _check_waits(self, cases: Sequence[Case]) -> None:
        """Report cases that make others wait: those that do it again when they are sent again."""
        try:
            report = await self._stopwatch.report()
            self.tally.add_waits(report)
            if not report.starved:
                return
            if not await self._starves(cases):
                self.tally.unconfirmed += 1
                log.info("%s, but not again", _longest(report.starved))
                return
            guilty = await smallest(cases, self._starves)
        except StopwatchError as error:
            self.tally.add_finding("starvation", f"{error}\n  after {cases!r}")
            raise Enough from error
        what = f"{_longest(report.starved)} in batch {self._batches}\n  after {guilty!r}"
        self.tally.add_finding("starvation", what)

    async def _starves(self, cases: Sequence[Case]) -> bool:
        """Return whether others wait when ``cases`` are sent again."""
        for _ in range(_TRIES):
            await self._calm()
            await asyncio.gather(*(self._again(case, place) for place, case in enumerate(cases)))
            if (await self._stopwatch.report()).starved:
                return True
        return False

    async def _again(self, case: Case, place: int) -> None:
        with suppress(FindingError):
            await self._client.send(case, place, self.patience)

    async def _calm(self) -> None:
        """Wait until nobody waits."""
        deadline = time.monotonic() + _CALM_SECONDS
        while (await self._stopwatch.report()).starved and time.monotonic() < deadline:
            await asyncio.sleep(_SETTLED_SECONDS)

    def _complaints(self) -> list[str]:
        with self.target.log.open("rb") as log:
            log.seek(self._read)
            said = log.read()
            self._read = log.tell()
        lines = said.decode(errors="replace").splitlines()
        found = [n for n, line in enumerate(lines) if _COMPLAINT.search(line)]
        return ["\n".join(lines[n : n + 30]) for n in found] + ([] if self.target.alive else ["it died"])


def _longest(waits: list[Wait]) -> str:
    wait = max(waits, key=lambda one: one.counted)
    still = " and waits still" if wait.pending else ""
    return (
        f"{len(waits)} waited: {wait.kind} for {wait.seconds * 1000:.0f} ms{still},"
        f" {wait.counted * 1000:.0f} ms of it not for the machine"
    )


@asynccontextmanager
async def fuzz_session(folder: Path, at_once: int = AT_ONCE) -> AsyncIterator[FuzzSession]:
    """Start a session in ``folder``, for ``at_once`` cases at a time."""
    broker = GuardedBroker(folder)
    await broker.start()
    try:
        async with AsyncExitStack() as stack:
            process = await stack.enter_async_context(target(broker))
            port, pid = process.ready.port, process.ready.pid
            canaries = await stack.enter_async_context(running_canaries(port))
            stopwatch = await stack.enter_async_context(running_stopwatch(broker, port, pid))
            clients = {}
            for user in USERS:
                connected = await connect(broker.url, name=user, credentials=broker.access(user))
                stack.push_async_callback(connected.close)
                clients[user] = connected.client
            tokens = [await token_of(Address(port)) for _ in range(at_once)]
            session = FuzzSession(process, canaries, stopwatch, FuzzClient(port, clients, tokens))
            sampling = asyncio.create_task(session.memory.run())
            try:
                yield session
            finally:
                sampling.cancel()
                await asyncio.gather(sampling, return_exceptions=True)
    finally:
        await broker.stop()
