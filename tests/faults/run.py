"""One run: the rig, the load, the faults, the end, and what the referee says."""

import asyncio
import logging
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.connection import Broker, connect
from opsroom_messaging.stored import UnavailableError
from tests.faults import dump
from tests.faults.course import CourseClient
from tests.faults.history import History, Outage
from tests.faults.injector import Injected, Injector
from tests.faults.ledger import Ledger
from tests.faults.operators import Operator
from tests.faults.people import Person
from tests.faults.plan import Scope, make_plan
from tests.faults.recovery import recoveries
from tests.faults.referee import Bounds, Violation, judge
from tests.faults.rig import Rig, Size
from tests.faults.vitals import Vitals

log = logging.getLogger(__name__)

BOUNDS = Bounds(lease=38.0, name=45.0)
"""A lease of 20 s, 6 s more without it, the graces that the rig sets, and a busy machine."""
_QUIET_SECONDS = 90.0
_ASK_SECONDS = 0.3

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Load:
    """How many simulated clients there are; paces in seconds between messages."""

    people: int = 24
    visitors: int = 6
    operators: int = 6
    lanes: int = 8
    course: int = 3
    pace: float = 0.03


@dataclass(slots=True)
class Outcome:
    """All that a run found out. Times in seconds."""

    seed: int
    seconds: float
    history: History
    injected: list[Injected]
    violations: list[Violation]
    recovery: dict[str, list[float]]
    """Of the faults that came alone, by kind."""
    gaps: dict[str, list[float]]
    """Of the same, the longest wait of one client."""
    counts: dict[str, int]
    vitals: dict[str, dict[str, float]]
    complaints: list[str] = field(default_factory=list)
    """Lines of logs that are errors, each kind once, with how often."""


@dataclass(frozen=True, slots=True)
class Places:
    """``store``: the broker's data, where it is to be elsewhere. ``keep``: data and logs stay there."""

    store: Path | None = None
    keep: Path | None = None


async def run(seed: int, scope: Scope, size: Size, load: Load, places: Places) -> Outcome:
    """Run the plan of ``seed`` and judge what came of it."""
    with _folder(places.keep) as folder:
        rig = Rig(folder, size, places.store)
        ledger = Ledger(History(size.delay), random.Random(seed))
        begun = time.time()
        try:
            await rig.start()
            vitals = Vitals({child.name: child for child in rig.children()})
            watching = asyncio.create_task(vitals.watch())
            broker = await connect(rig.nats_url, name="operator")
            try:
                crowd = Crowd(ledger, rig, load)
                injected = await crowd.suffer(seed, scope, broker)
            finally:
                watching.cancel()
                await broker.close()
        finally:
            await rig.stop()
        return _judged(seed, begun, ledger, rig, injected, vitals)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="opsroom-faults-", ignore_cleanup_errors=True) as path:
        yield Path(path)


class Crowd:
    """Everybody who talks, commands and watches, and the way to a quiet end."""

    def __init__(self, ledger: Ledger, rig: Rig, load: Load) -> None:
        ports = [gateway.port for gateway in rig.gateways]
        self._ledger = ledger
        self._rig = rig
        self._load = load
        self._ports = ports
        pace = load.pace * load.people / 10
        self._people = [Person(ledger, ports, f"stay-{n}", pace) for n in range(load.people)]
        self._operators = [Operator(ledger, ports, f"operator-{n}") for n in range(load.operators)]
        self._course = [CourseClient(ledger, ports, f"course-{n}", 0.5) for n in range(load.course)]
        self._visits: list[Person] = []

    async def suffer(self, seed: int, scope: Scope, broker: Broker) -> list[Injected]:
        """Load, faults, quiet, farewell; all of it written into the ledger."""
        ledger = self._ledger
        begun = time.time()

        def say(words: str) -> None:
            done = ledger.acknowledged, ledger.commands
            log.info("%6.1f s  %s; %d messages, %d commands", time.time() - begun, words, *done)

        say("the load begins")
        staying = [asyncio.create_task(person.stay()) for person in self._people]
        staying += [asyncio.create_task(client.stay()) for client in self._course]
        following = [asyncio.create_task(operator.follow()) for operator in self._operators]
        passing = [asyncio.create_task(operator.look()) for operator in self._operators]
        passing += [
            asyncio.create_task(operator.lane(n))
            for operator in self._operators
            for n in range(self._load.lanes)
        ]
        passing += [asyncio.create_task(self._visitors(n)) for n in range(self._load.visitors)]
        try:
            await asyncio.sleep(2.0)
            injector = Injector(self._rig, ledger, self._people, lambda: leader_of(broker))
            say("the faults begin")
            await _unless_died(injector.run(make_plan(seed, scope)), [*staying, *following, *passing])
            ledger.stopping.set()
            self._rig.heal()
            say("no new messages and commands")
            await asyncio.wait(passing, timeout=_QUIET_SECONDS)
            say("everybody watches")
            await self._quiet(broker)
            say("everybody leaves")
            await self._farewell(broker, staying)
            say("over")
            for task in (*staying, *following, *passing):
                if task.done() and not task.cancelled() and task.exception() is not None:
                    raise task.exception() or AssertionError
        finally:
            for task in (*staying, *following, *passing):
                task.cancel()
            await asyncio.gather(*staying, *following, *passing, return_exceptions=True)
        return injector.injected

    async def _visitors(self, number: int) -> None:
        """People who come and go, and quarrel about a few names."""
        rng = self._ledger.rng
        names = max(1, self._load.visitors * 3 // 4)
        while not self._ledger.stopping.is_set():
            person = Person(self._ledger, self._ports, f"visit-{rng.randrange(names)}", 0.2)
            self._ledger.history.readers.append(person.reader)
            with suppress(OSError):
                await person.visit(rng.randrange(1, 6), rng.choice(("exit", "exit", "close", "cut")))
            await asyncio.sleep(rng.uniform(0.05, 0.5))

    async def _quiet(self, broker: Broker) -> None:
        """Wait until everybody has seen everything, then compare lists and dashboards with the truth."""
        for gateway in self._rig.gateways:
            await gateway.child.until_ready()
        history = self._ledger.history
        history.messages = await _patiently(dump.messages, broker)
        history.events = await _patiently(dump.events, broker)
        last_message = history.messages[-1].seq if history.messages else 0
        last_event = history.events[-1].seq if history.events else 0
        truth = {person.name for person in self._people}
        courses = {f"course-{n}-" for n in range(self._load.course)}

        def others(person: Person) -> set[str]:
            return {name for name in person.listed if not any(name.startswith(course) for course in courses)}

        def seen() -> bool:
            told = all(person.last >= last_message for person in self._people)
            return told and all(operator.seq >= last_event for operator in self._operators)

        await _until(seen, _QUIET_SECONDS)
        await _until(lambda: all(others(p) == truth for p in self._people), BOUNDS.lease + 10)
        for person in self._people:
            person.reader.stayed = True
            history.readers.append(person.reader)
            wrong = others(person) ^ truth
            if wrong:
                self._ledger.refuse(f"the list of {person.name} is wrong at the end about {sorted(wrong)}")
        for operator in self._operators:
            operator.reader.stayed = True
            history.watchers.append(operator.reader)
            with suppress(OSError):
                seq, listed = await operator.snapshot()
                if seq == operator.seq:
                    operator.compare(seq, listed)

    async def _farewell(self, broker: Broker, staying: list["asyncio.Task[None]"]) -> None:
        """Everybody leaves; nobody and no name may stay behind."""
        self._ledger.leaving.set()
        await asyncio.wait(staying, timeout=30.0)
        deadline = time.time() + BOUNDS.name
        while (words := await _patiently(dump.left_over, broker)) and time.time() < deadline:
            await asyncio.sleep(0.3)
        self._ledger.history.left_over = words


async def leader_of(broker: Broker) -> str | None:
    """The node that leads the chat's stream."""
    try:
        info = await broker.jetstream.stream_info(CHAT_STREAM)
    except Exception:  # noqa: BLE001 - whatever it is, there is no leader to be had at this moment
        return None
    return info.cluster.leader if info.cluster else None


async def _unless_died(work: Coroutine[Any, Any, None], others: list["asyncio.Task[None]"]) -> None:
    """Do ``work``; an error of a client's own ends the run at once, so that it is seen."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait((task,), timeout=1.0)
            for other in others:
                if other.done() and not other.cancelled() and other.exception() is not None:
                    raise other.exception() or AssertionError
        task.result()
    finally:
        task.cancel()


async def _patiently(read: Callable[[Broker], Awaitable[ResultT]], broker: Broker) -> ResultT:
    deadline = time.time() + 60
    while True:
        try:
            return await read(broker)
        except UnavailableError:
            if time.time() > deadline:
                raise
            await asyncio.sleep(_ASK_SECONDS)


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.time() + seconds
    while not condition() and time.time() < deadline:
        await asyncio.sleep(0.05)


def _judged(
    seed: int, begun: float, ledger: Ledger, rig: Rig, injected: list[Injected], vitals: Vitals
) -> Outcome:
    history = ledger.history
    recovered = recoveries(injected, ledger.waits, history)
    history.outages = [
        Outage(felt.fault.kind.value, felt.fault.start, felt.fault.healed + felt.recovery)
        for felt in recovered
    ]
    history.refused += [words for child in rig.children() for words in child.ended_oddly]
    by_kind: dict[str, list[float]] = {}
    gaps: dict[str, list[float]] = {}
    for felt in recovered:
        if felt.fault.alone:
            by_kind.setdefault(felt.fault.kind.value, []).append(felt.recovery)
            gaps.setdefault(felt.fault.kind.value, []).append(felt.gap)
    counts = {
        "acknowledged": ledger.acknowledged,
        "commands": ledger.commands,
        "stored messages": len(history.messages),
        "stored events": len(history.events),
        "deliveries": sum(len(part.seqs) for reader in history.readers for part in reader.parts),
        "reconnects": ledger.reconnects,
        "late duplicates": ledger.duplicates,
        "resets": ledger.resets,
        "snapshots compared": len(history.folds),
    }
    return Outcome(
        seed=seed,
        seconds=time.time() - begun,
        history=history,
        injected=injected,
        violations=judge(history, BOUNDS),
        recovery=by_kind,
        gaps=gaps,
        counts=counts,
        vitals=vitals.figures(),
        complaints=vitals.complaints([child.log for child in rig.services()]),
    )
