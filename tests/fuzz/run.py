"""Many hostile clients at once at one portal, and what must hold meanwhile and after."""

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

from opsroom_messaging.connection import connect
from opsroom_messaging.permissions import USERS
from services.gateway.tests.api_clients import token_of
from services.gateway.tests.portal import Address
from tests.fuzz.attacker import Attacker, Case, GotThroughError
from tests.fuzz.cases import SOCKET_CASES
from tests.fuzz.faults import FAULTS
from tests.fuzz.http_cases import HTTP_CASES
from tests.fuzz.nats_cases import NATS_CASES
from tests.fuzz.target import Target, Vitals, target
from tests.fuzz.variants import variant
from tests.fuzz.witnesses import Witnesses, witnesses
from tests.guarded_broker import GuardedBroker
from tests.waiting import PATIENCE_SECONDS

AT_ONCE = 32
"""So many cases are sent at a time. Some are drawn, the others variants of them, which cost less to make."""
PLANTED_CASES = 2 * AT_ONCE
PLANTED_ROUNDS = 4
PLANTED_SECONDS = 1.5
"""Of so many cases, so many times at most, some have to tell of a fault that was planted; and how long they
wait for what it keeps back."""
ENOUGH = 20
_SERVED_EVERY = 8
_SPARE_TASKS = 4
"""Those that come and go by themselves: a renewal, a page of history."""
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
    """``through``: what got through, each told in full; it should be empty."""

    cases: Counter[str] = field(default_factory=Counter)
    through: list[str] = field(default_factory=list)
    through_by_kind: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    before: Vitals | None = None
    after: Vitals | None = None

    def tell(self, kind: str, what: str) -> None:
        """Something got through."""
        self.through_by_kind[kind] += 1
        self.through.append(f"{kind}: {what[:3000]}")
        log.warning("%s: %s", kind, what[:500])


class Enough(BaseException):
    """So much got through that the rest is not tried: nothing that Hypothesis should make smaller."""


class Siege:
    """A portal, those who watch it, and who attacks it."""

    def __init__(self, attacked: Target, there: Witnesses, attacker: Attacker) -> None:
        self.target = attacked
        self.tally = Tally()
        self.patience = PATIENCE_SECONDS
        """How long anything may take that has to happen."""
        self.at_once = attacker.places
        self._there = there
        self._attacker = attacker
        self._read = 0
        self._batches = 0

    async def batch(self, cases: list[Case]) -> None:
        """Send ``cases`` at once, and see that everybody else was served."""
        self._batches += 1
        self._attacker.instance = await self._there.instance(self._attacker.instance)
        attack = asyncio.gather(*(self._one(case, place) for place, case in enumerate(cases)))
        found = await self._there.check(self.patience)
        if self._batches % _SERVED_EVERY == 1:
            found += await self._there.serve(self.patience)
        await attack
        found += await self._there.check(self.patience)
        for what in (*found, *self._complaints()):
            self.tally.tell("others and the log", f"{what}\n  after {cases!r}")
        if len(self.tally.through) >= ENOUGH:
            raise Enough
        if not self._batches % _TOLD_EVERY:
            log.info("%d cases, %d got through", self.tally.cases.total(), len(self.tally.through))

    async def settle(self) -> None:
        """Let those who watch catch up with what they were denied."""
        await self._there.check(self.patience)
        self._complaints()

    async def measured(self) -> Vitals:
        """What the target holds once that is no less than a moment before."""
        last = await self.target.ask()
        while True:
            await asyncio.sleep(_SETTLED_SECONDS)
            now = await self.target.ask()
            if not _left(now, last):
                return now
            last = now

    async def held(self, before: Vitals, cases: int) -> list[str]:
        """What is held after ``cases`` that was not held ``before``, once there was time to let it go."""
        deadline = time.monotonic() + self.patience
        while True:
            after = await self.target.ask()
            found = [*_left(before, after), *_kept(before, after, cases)]
            if not found or time.monotonic() > deadline:
                self.tally.before, self.tally.after = before, after
                return found
            await asyncio.sleep(_SETTLED_SECONDS)

    async def end(self, before: Vitals, cases: int) -> Tally:
        """The verdict."""
        if len(self.tally.through) < ENOUGH:
            found = [*await self._there.replayed(), *await self.held(before, cases), *self._complaints()]
            for what in found:
                self.tally.tell("the whole", what)
        self.tally.waits = self._there.waits
        return self.tally

    async def _one(self, case: Case, place: int) -> None:
        self.tally.cases[case.kind] += 1
        try:
            await self._attacker.send(case, place, self.patience)
        except GotThroughError as error:
            self.tally.tell(case.kind, f"{error}\n  after {case!r}")

    def _complaints(self) -> list[str]:
        with self.target.log.open("rb") as log:
            log.seek(self._read)
            said = log.read()
            self._read = log.tell()
        lines = said.decode(errors="replace").splitlines()
        found = [n for n, line in enumerate(lines) if _COMPLAINT.search(line)]
        return ["\n".join(lines[n : n + 30]) for n in found] + ([] if self.target.alive else ["it died"])


def _left(before: Vitals, after: Vitals) -> list[str]:
    counts = (
        ("tasks", before.tasks + _SPARE_TASKS, after.tasks),
        ("descriptors", before.descriptors, after.descriptors),
        ("sockets", before.sockets, after.sockets),
    )
    return [f"{now} {what} are left, there were {was}" for what, was, now in counts if now > was]


def _kept(before: Vitals, after: Vitals, cases: int) -> list[str]:
    room = max(8, cases // 100)
    return [
        f"{count} objects of {kind}, there were {before.objects.get(kind, 0)}"
        for kind, count in after.objects.items()
        if count - before.objects.get(kind, 0) > room
    ]


@asynccontextmanager
async def siege(folder: Path, at_once: int = AT_ONCE) -> AsyncIterator[Siege]:
    """Everything in place, in ``folder``, for ``at_once`` cases at a time."""
    broker = GuardedBroker(folder)
    await broker.start()
    try:
        async with AsyncExitStack() as stack:
            attacked = await stack.enter_async_context(target(broker))
            clients = {}
            for user in USERS:
                connected = await connect(broker.url, name=user, access=broker.access(user))
                stack.push_async_callback(connected.close)
                clients[user] = connected.client
            there = await stack.enter_async_context(witnesses(attacked.port))
            tokens = [await token_of(Address(attacked.port)) for _ in range(at_once)]
            yield Siege(attacked, there, Attacker(attacked.port, clients, tokens))
    finally:
        await broker.stop()


def attacked(runner: asyncio.Runner, under: Siege, cases: int, number: int) -> Tally:
    """Attack by ``cases`` cases of the seed ``number``."""
    drive(runner, under, 2 * under.at_once, number + 1)  # what is made at the first time is no leak
    under.tally.cases.clear()
    before = runner.run(under.measured())
    drive(runner, under, cases, number)
    return runner.run(under.end(before, cases))


def missed(runner: asyncio.Runner, under: Siege, fault: str) -> list[str]:
    """Attack while ``fault`` is planted; answers nothing once it was told of, else what was told instead."""
    before = runner.run(under.measured())
    runner.run(under.target.ask(plant=fault))
    told: list[str] = []
    patience = under.patience
    try:
        for number in range(PLANTED_ROUNDS):
            # A busy machine is late with everything, and that is reported instead: wait longer then.
            under.patience, under.tally = patience * 2**number, Tally()
            drive(runner, under, PLANTED_CASES, number)
            told = [*under.tally.through, *runner.run(under.held(before, PLANTED_CASES))]
            if any(re.search(FAULTS[fault].told, one) for one in told):
                return []
    finally:
        runner.run(under.target.ask(mend=fault))
        under.patience, under.tally = patience, Tally()
        runner.run(under.settle())
    return [f"nothing was told of: {fault}", *told]


def drive(runner: asyncio.Runner, under: Siege, cases: int, number: int) -> None:
    """Draw batches, and have each sent."""

    @seed(number)
    @settings(
        max_examples=-(-cases // under.at_once),
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(DRAWN, st.integers(0, 2**32))
    def example(drawn: tuple[Case, ...], number: int) -> None:
        chance = random.Random(number)
        more = [variant(drawn[n % len(drawn)], chance) for n in range(under.at_once - len(drawn))]
        runner.run(under.batch([*drawn, *more]))

    with suppress(Enough):
        example()
