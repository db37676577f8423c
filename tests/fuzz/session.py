"""A fuzz session: many hostile clients at one portal, and the invariants meanwhile and after."""

import asyncio
import logging
import re
import time
from collections.abc import Sequence

import httpx

from opsroom_contracts.identity import Role
from opsroom_testkit.waiting import PATIENCE_SECONDS
from tests.fuzz.attackers.client import Case, FindingError, FuzzClient
from tests.fuzz.attribution import Attribution
from tests.fuzz.cases.role_cases import RoleCase, role_cases
from tests.fuzz.resources import MemoryWatch, ResourceUsage, kept_objects, least, left_over
from tests.fuzz.tally import ENOUGH, Enough, Tally
from tests.fuzz.target import Target
from tests.fuzz.witnesses.canaries import Canaries
from tests.fuzz.witnesses.possessions import Possessions
from tests.fuzz.witnesses.stopwatch import StopwatchError, StopwatchProcess

AT_ONCE = 32
"""Cases that are sent at once. Some are drawn, the others are cheaper variants of them."""
_SERVED_EVERY = 8
_SETTLED_SECONDS = 0.1
_TOLD_EVERY = 20
_BATCH_MIB = 48.0
"""The most memory that a batch may take, even for a moment."""
_COMPLAINTS = 3
"""How many lines of the log are findings after one batch."""
_COMPLAINT = re.compile(
    r" (ERROR|CRITICAL) |^Traceback|Exception ignored|never (awaited|retrieved)|was destroyed but|Warning: "
)
log = logging.getLogger(__name__)


class FuzzSession:
    """A portal under attack, with its witnesses and the fuzz client."""

    def __init__(
        self,
        process: Target,
        canaries: Canaries,
        stopwatch: StopwatchProcess,
        owned: Possessions,
        client: FuzzClient,
    ) -> None:
        self.target = process
        self.tally = Tally()
        self.patience = PATIENCE_SECONDS
        """The timeout of everything that has to happen."""
        self.at_once = client.places
        self.memory = MemoryWatch(process.ready.pid)
        self._canaries = canaries
        self._attribution = Attribution(stopwatch, client)
        self._owned = owned
        self._tried: list[RoleCase] = []
        self._passes = 0
        self._client = client
        self._read = 0
        self._batches = 0

    async def batch(self, cases: Sequence[Case]) -> None:
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
        await self._finish(cases, found, memory)

    async def role_batch(self) -> None:
        """Send cases of users with a lesser role, and nothing else, and check that nothing has changed."""
        if not self._tried:
            self._tried = self.role_cases(self._passes)
            self._passes += 1
        cases, self._tried = self._tried[: self.at_once], self._tried[self.at_once :]
        memory, found = self.memory.begin(), list[str]()
        try:
            before = await self._owned.snapshot()
            await asyncio.gather(*(self._one(case, place) for place, case in enumerate(cases)))
            found += await self._owned.changes(before)
        except (AssertionError, TimeoutError, httpx.HTTPError) as error:
            found.append(f"an admin can't read: {error!r}")
        await self._finish(cases, [*found, *await self._canaries.check(self.patience)], memory)

    def role_cases(self, number: int) -> list[RoleCase]:
        """Return all that users with a lesser role may not do, in the order of the seed ``number``."""
        owned, secret = self._owned, self.target.ready.tokens[Role.ADMIN]
        return role_cases(owned.identities, owned.operations, owned.ids, secret, number)

    async def _finish(self, cases: Sequence[Case], found: list[str], memory: float) -> None:
        """Record what was found in a batch. ``memory``: that of the target before it."""
        found = [*found, *self._complaints(), *self._memory_taken(memory)]
        for what in found:
            self.tally.add_finding("witnesses, log and memory", f"{what}\n  after {cases!r}")
        try:
            starved = await self._attribution.judge(cases, self.patience, thoroughly=not found)
        except StopwatchError as error:
            self.tally.add_finding("starvation", f"{error}\n  after {cases!r}")
            raise Enough from error
        self.tally.add_waits(self._attribution.report)
        self.tally.unconfirmed += self._attribution.unconfirmed
        for what in starved:
            self.tally.add_finding("starvation", what)
        if len(self.tally.findings) >= ENOUGH:
            raise Enough
        if not self._batches % _TOLD_EVERY:
            log.info("%d cases, %d findings", self.tally.cases.total(), len(self.tally.findings))

    async def settle(self) -> None:
        """Let the witnesses catch up with what they missed."""
        await self._canaries.check(self.patience)
        await self._attribution.calm()
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
        """Return the resources that are still held after ``cases`` and were not ``before``.

        The witnesses go on meanwhile, so that something is always in use: only what is held all the time
        counts.
        """
        deadline = time.monotonic() + self.patience
        after = await self.target.ask()
        while True:
            after = least(after, await self.target.ask())
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

    def _complaints(self) -> list[str]:
        with self.target.log.open("rb") as log:
            log.seek(self._read)
            said = log.read()
            self._read = log.tell()
        lines = said.decode(errors="replace").splitlines()
        found = [n for n, line in enumerate(lines) if _COMPLAINT.search(line)]
        shown = ["\n".join(lines[n : n + 30]) for n in found[:_COMPLAINTS]]
        return shown + ([] if self.target.alive else ["it died"])
