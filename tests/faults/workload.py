"""The workload: all simulated clients, and the phases of a run."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from tests.faults.clients.chat_clients import ChatClient
from tests.faults.clients.chat_sender import SendPolicy
from tests.faults.clients.course_clients import CourseClient
from tests.faults.clients.operator_clients import OperatorClient
from tests.faults.clients.recorder import Recorder
from tests.faults.cluster.cluster import PortalCluster
from tests.faults.nemesis.nemesis import InjectedFault, Nemesis
from tests.faults.nemesis.plan import Scope, make_plan
from tests.faults.verification import stream_dump
from tests.faults.verification.checker import Bounds

log = logging.getLogger(__name__)

BOUNDS = Bounds(lease=38.0, name=45.0)
"""A lease of 20 s, 6 s until it is noticed, the grace periods that the cluster sets, and a busy machine."""
_QUIET_SECONDS = 90.0
_ASK_SECONDS = 0.3
_STILL_SECONDS = 1.0
_TOLD_SECONDS = 60.0

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Load:
    """How many simulated clients there are.

    ``window``: unacknowledged messages of each chat client; ``pace``: seconds from an acknowledgement to
    the next message; ``lanes``: pending commands of each operator.
    """

    people: int = 40
    visitors: int = 4
    operators: int = 4
    lanes: int = 24
    course: int = 2
    window: int = 4
    pace: float = 0.0


class Workload:
    """Everybody who talks, commands and watches, and the way to a quiet end."""

    def __init__(self, recorder: Recorder, cluster: PortalCluster, load: Load) -> None:
        ports = [gateway.port for gateway in cluster.gateways]
        self._recorder = recorder
        self._cluster = cluster
        self._load = load
        self._ports = ports
        manner = SendPolicy(load.window, load.pace)
        self._people = [ChatClient(recorder, ports, f"stay-{n}", manner) for n in range(load.people)]
        self._operators = [OperatorClient(recorder, ports, f"operator-{n}") for n in range(load.operators)]
        self._course = [CourseClient(recorder, ports, f"course-{n}", 0.5) for n in range(load.course)]
        self._visits: list[ChatClient] = []

    async def run(self, seed: int, scope: Scope, broker: NatsConnection) -> list[InjectedFault]:
        """Run the phases: load, faults, settling, leaving. The recorder keeps what happens."""
        recorder = self._recorder
        begun = time.time()

        def say(words: str) -> None:
            done = recorder.acknowledged, recorder.commands
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
        nemesis = Nemesis(self._cluster, recorder, self._people, lambda: leader_of(broker))
        telling = asyncio.create_task(_now_and_then(say, nemesis))
        try:
            await _until(lambda: recorder.acknowledged > 0 and recorder.commands > 0, _QUIET_SECONDS)
            say("the faults begin")
            await _fail_fast(nemesis.run(make_plan(seed, scope), scope), [*staying, *following, *passing])
            recorder.stopping.set()
            self._cluster.heal()
            say("no new messages and commands")
            await asyncio.wait(passing, timeout=_QUIET_SECONDS)
            say("everybody watches")
            await self._settle(broker)
            say("everybody leaves")
            await self._leave_all(broker, staying)
            say("over")
            for task in (*staying, *following, *passing):
                if task.done() and not task.cancelled() and task.exception() is not None:
                    raise task.exception() or AssertionError
        finally:
            telling.cancel()
            for task in (*staying, *following, *passing):
                task.cancel()
            await asyncio.gather(*staying, *following, *passing, return_exceptions=True)
        return nemesis.injected

    async def _visitors(self, number: int) -> None:
        """Clients that come and go, and compete for a few names."""
        rng = self._recorder.rng
        names = max(1, self._load.visitors * 3 // 4)
        while not self._recorder.stopping.is_set():
            person = ChatClient(
                self._recorder, self._ports, f"visit-{rng.randrange(names)}", SendPolicy(1, 0.2)
            )
            self._recorder.history.readers.append(person.reading.reader)
            with suppress(OSError):
                await person.visit(rng.randrange(1, 6), rng.choice(("exit", "exit", "close", "cut")))
            await asyncio.sleep(rng.uniform(0.05, 0.5))

    async def _settle(self, broker: NatsConnection) -> None:
        """Wait until all clients have seen everything, then compare lists and dashboards with the streams."""
        for gateway in self._cluster.gateways:
            await gateway.child.wait_ready()
        await _until(lambda: all(person.talk.settled for person in self._people), _QUIET_SECONDS)
        for person in self._people:
            if not person.talk.settled:
                self._recorder.record_violation(f"{person.name} still waits for an acknowledgement")
        await self._until_still(broker)
        history = self._recorder.history
        history.messages = await _patiently(stream_dump.messages, broker)
        history.events = await _patiently(stream_dump.events, broker)
        last_message = history.messages[-1].seq if history.messages else 0
        last_event = history.events[-1].seq if history.events else 0
        truth = {person.name for person in self._people}
        courses = tuple(f"course-{n}-" for n in range(self._load.course))

        def others(person: ChatClient) -> set[str]:
            return {name for name in person.reading.listed if not name.startswith(courses)}

        def seen() -> bool:
            told = all(person.reading.last >= last_message for person in self._people)
            return told and all(operator.seq >= last_event for operator in self._operators)

        await _until(seen, _QUIET_SECONDS)
        await _until(lambda: all(others(p) == truth for p in self._people), BOUNDS.lease + 10)
        for person in self._people:
            person.reading.reader.stayed = True
            history.readers.append(person.reading.reader)
            wrong = others(person) ^ truth
            if wrong:
                self._recorder.record_violation(
                    f"the list of {person.name} is wrong at the end about {sorted(wrong)}"
                )
        for operator in self._operators:
            operator.reader.stayed = True
            history.watchers.append(operator.reader)
            with suppress(OSError):
                seq, listed = await operator.snapshot()
                if seq == operator.seq:
                    operator.compare(seq, listed)

    async def _until_still(self, broker: NatsConnection) -> None:
        """Wait until the stream stops growing: requests that timed out may still be stored."""

        async def last(broker: NatsConnection) -> int:
            return await stream_dump.last_seq(broker, CHAT_STREAM)

        before, now = -1, await _patiently(last, broker)
        while now != before:
            await asyncio.sleep(_STILL_SECONDS)
            before, now = now, await _patiently(last, broker)

    async def _leave_all(self, broker: NatsConnection, staying: list["asyncio.Task[None]"]) -> None:
        """All clients leave. No member and no name claim may remain."""
        self._recorder.leaving.set()
        await asyncio.wait(staying, timeout=30.0)
        deadline = time.time() + BOUNDS.name
        while (words := await _patiently(stream_dump.left_over, broker)) and time.time() < deadline:
            await asyncio.sleep(0.3)
        self._recorder.history.left_over = words


async def leader_of(broker: NatsConnection) -> str | None:
    """Return the node that leads the chat's stream."""
    try:
        info = await broker.jetstream.stream_info(CHAT_STREAM)
    except Exception:  # noqa: BLE001 - whatever it is, there is no leader to be had at this moment
        return None
    return info.cluster.leader if info.cluster else None


async def _fail_fast(work: Coroutine[Any, Any, None], others: list["asyncio.Task[None]"]) -> None:
    """Await ``work``, but raise at once if a client failed with an exception."""
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


async def _now_and_then(say: Callable[[str], None], nemesis: Nemesis) -> None:
    while True:
        await asyncio.sleep(_TOLD_SECONDS)
        say(f"{len(nemesis.injected)} faults")


async def _patiently(read: Callable[[NatsConnection], Awaitable[ResultT]], broker: NatsConnection) -> ResultT:
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
