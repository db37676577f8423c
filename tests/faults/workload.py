"""The workload: all simulated clients, and the phases of a run."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.client.connection import NatsConnection
from tests.faults.agents.quiet import compare
from tests.faults.agents.spec import Engine
from tests.faults.clients.approval_lane import ApprovalLane
from tests.faults.clients.chat_clients import ChatClient
from tests.faults.clients.chat_sender import SendPolicy
from tests.faults.clients.commander import Commander, LaneEndedError, Order, RaceTrack
from tests.faults.clients.course_clients import CourseClient
from tests.faults.clients.moderator_clients import Admin, Auditor, Moderator, Troll
from tests.faults.clients.operator_clients import OperatorClient
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.server_lanes import Market, ServerLane
from tests.faults.clients.team.team import Team
from tests.faults.clients.texts import ROOMS
from tests.faults.cluster.cluster import ADMIN, NGINX, VIEWER, PortalCluster
from tests.faults.nemesis.agent_faults import AgentFaults
from tests.faults.nemesis.nemesis import InjectedFault, Nemesis
from tests.faults.nemesis.plan import Scope, make_plan
from tests.faults.nemesis.stream_faults import StreamFaults
from tests.faults.verification.observer import Observer, left_over, patiently
from tests.faults.verification.verdict import Bounds

log = logging.getLogger(__name__)

_QUIET_SECONDS = 90.0
_ASK_SECONDS = 0.3
_STILL_SECONDS = 1.0
_TOLD_SECONDS = 60.0
_PATIENCE_SECONDS = 60.0
_DENIED_SECONDS = 2.0

Task = asyncio.Task[None]


@dataclass(frozen=True, slots=True)
class Load:
    """How many simulated clients there are.

    ``window``: unacknowledged messages of each chat client; ``pace``: seconds from an acknowledgement to
    the next message; ``lanes``: pending commands of each operator; ``absentees``: users who stay away for
    seconds again and again; ``trolls``: users who are muted and banned; ``mates``: people with two devices,
    who use rooms, changes of messages, files and read positions, ``mate_pace`` seconds apart.
    """

    people: int = 40
    visitors: int = 4
    operators: int = 4
    lanes: int = 16
    course: int = 2
    absentees: int = 4
    trolls: int = 2
    mates: int = 5
    mate_pace: float = 0.2
    window: int = 4
    pace: float = 0.0
    approvals: bool = False
    """Whether there is a lane of commands that must be approved."""
    servers: int = 8
    """Lanes of each operator for servers behind agents, if there are any."""


class Workload:
    """Everybody who talks, commands and watches, and the way to a quiet end."""

    def __init__(
        self,
        recorder: Recorder,
        cluster: PortalCluster,
        load: Load,
        bounds: Bounds,
        engine: Engine | None = None,
    ) -> None:
        ports = list(cluster.places)
        self._engine = engine
        self._recorder = recorder
        self._cluster = cluster
        self._load = load
        self._bounds = bounds
        self._ports = ports
        manner = SendPolicy(load.window, load.pace)
        self._people = [ChatClient(recorder, ports, f"stay-{n}", manner) for n in range(load.people)]
        self._people += [
            ChatClient(recorder, ports, f"absent-{n}", SendPolicy(1, 1.0), away_seconds=20.0)
            for n in range(load.absentees)
        ]
        self._operators = [
            OperatorClient(recorder, ports, name, cluster.tokens[name])
            for name in (f"operator-{n}" for n in range(load.operators))
        ]
        single = {port: name for port, name in cluster.places.items() if name != NGINX}
        self._team = Team(recorder, ports, single, load.mates, load.mate_pace)
        self._people += self._team.devices
        viewer = OperatorClient(recorder, ports, VIEWER, cluster.tokens[VIEWER], away_seconds=15.0)
        self._dashboards = [*self._operators, viewer]
        self._course = [CourseClient(recorder, ports, f"course-{n}", 0.5) for n in range(load.course)]
        self._trolls = [Troll(recorder, ports, f"troll-{n}") for n in range(load.trolls)]
        admin = Admin(ADMIN, cluster.tokens[ADMIN])
        self._moderator = Moderator(recorder, ports, admin, [troll.name for troll in self._trolls])
        self._auditor = Auditor(recorder, ports, admin)

    async def run(
        self, seed: int, scope: Scope, broker: NatsConnection, observer: Observer
    ) -> list[InjectedFault]:
        """Run the phases: load, faults, settling, leaving. The recorder keeps what happens."""
        recorder = self._recorder
        begun = time.time()

        def say(words: str) -> None:
            done = recorder.acknowledged, recorder.commands, recorder.served
            text = "%6.1f s  %s; %d messages, %d commands, %d for agents"
            log.info(text, time.time() - begun, words, *done)

        say("the load begins")
        staying = [asyncio.create_task(person.stay()) for person in self._people]
        staying += [asyncio.create_task(client.stay()) for client in self._course]
        following = [asyncio.create_task(operator.follow()) for operator in self._dashboards]
        passing = self._passing()
        streams = StreamFaults(self._cluster, recorder, broker, observer)
        agents = AgentFaults(self._cluster, recorder, self._engine) if self._engine else None
        nemesis = Nemesis(self._cluster, recorder, self._people, lambda: leader_of(broker), streams, agents)
        telling = asyncio.create_task(_now_and_then(say, nemesis))
        try:
            await _until(lambda: recorder.acknowledged > 0 and recorder.commands > 0, _QUIET_SECONDS)
            say("the faults begin")
            recorder.history.began = time.time()
            await _fail_fast(nemesis.run(make_plan(seed, scope), scope), [*staying, *following, *passing])
            recorder.history.ended = time.time()
            recorder.stopping.set()
            self._cluster.heal()
            say("no new messages and commands")
            _, stuck = await asyncio.wait(passing, timeout=_QUIET_SECONDS)
            for task in stuck:
                recorder.record_violation(f"{task.get_name()} did not come to an end")
            say("everybody watches")
            await self._settle(observer)
            say("everybody leaves")
            await self._leave_all(broker, staying)
            await patiently(observer.catch_up, _PATIENCE_SECONDS)
            say("over")
            _raise_failures([*staying, *following, *passing])
        finally:
            telling.cancel()
            for task in (*staying, *following, *passing):
                task.cancel()
            await asyncio.gather(*staying, *following, *passing, return_exceptions=True)
        return nemesis.injected

    def _passing(self) -> list[Task]:
        """Start those who end when the load does."""
        racers = RaceTrack(self._recorder, [operator.commander for operator in self._operators])
        started = {f"{operator.name} looking": operator.look() for operator in self._dashboards}
        started |= {
            f"{operator.name}, lane {n}": operator.lane(n)
            for operator in self._operators
            for n in range(self._load.lanes)
        }
        if self._cluster.size.agent is not None and self._engine is not None:
            market = Market(self._recorder, self._cluster.size.agent, self._engine)
            lanes = [
                ServerLane(market, operator, n)
                for operator in self._operators
                for n in range(self._load.servers)
            ]
            started |= {lane.name: lane.run() for lane in lanes}
        started |= {f"visitor {n}": self._visitors() for n in range(self._load.visitors)}
        started |= {troll.name: troll.stay() for troll in self._trolls}
        started |= {"moderator": self._moderator.run(), "auditor": self._auditor.run()}
        started |= {"viewer": self._denied()}
        if len(self._operators) > 1:
            started["race"] = racers.run()
        if len(self._operators) > 1 and self._load.approvals:
            author, *others = self._operators
            lane = ApprovalLane(self._recorder, author, [one.commander for one in others])
            started[lane.name] = lane.run()
        started |= self._team.work()
        return [asyncio.create_task(work, name=name) for name, work in started.items()]

    async def _visitors(self) -> None:
        """Clients that come and go, and compete for a few names."""
        rng = self._recorder.rng
        names = max(1, self._load.visitors * 3 // 4)
        while not self._recorder.stopping.is_set():
            person = ChatClient(
                self._recorder, self._ports, f"visit-{rng.randrange(names)}", SendPolicy(1, 0.2)
            )
            with suppress(OSError):
                await person.visit(rng.randrange(1, 6), rng.choice(("exit", "exit", "close", "cut")))
            await asyncio.sleep(rng.uniform(0.05, 0.5))

    async def _denied(self) -> None:
        """A viewer, who may not command servers."""
        viewer = Commander(self._recorder, self._ports, VIEWER, self._cluster.tokens[VIEWER])
        number = 0
        while not self._recorder.stopping.is_set():
            number += 1
            with suppress(LaneEndedError):
                await viewer.denied(Order("create", "", f"{VIEWER}.{number}"))
            await asyncio.sleep(_DENIED_SECONDS)

    async def _settle(self, observer: Observer) -> None:
        """Wait until all clients have seen everything, then compare lists and dashboards with the streams."""
        for gateway in self._cluster.gateways:
            await gateway.child.wait_ready()
        await _until(lambda: all(person.talk.settled for person in self._people), _QUIET_SECONDS)
        for person in self._people:
            if not person.talk.settled:
                self._recorder.record_violation(f"{person.name} still waits for an acknowledgement")
                person.talk.give_up()
        await self._until_still(observer)
        agent = self._recorder.history.agent
        if self._engine is not None and agent is not None:
            await compare(self._recorder, agent, self._engine, self._operators[0].commander)
        await patiently(observer.catch_up, _PATIENCE_SECONDS)
        chat, events = self._recorder.chat, self._recorder.cloud.events
        for_all = (one.seq for one in chat.events() if one.room in ROOMS)
        last_message = max(for_all, default=0)
        last_event = events[-1].seq if events else 0

        def seen() -> bool:
            told = all(person.reading.last >= last_message for person in self._people)
            return told and all(operator.seq >= last_event for operator in self._dashboards)

        await _until(seen, _QUIET_SECONDS)
        await self._team.settle()
        await self._team.compare()
        await self._compare_lists()
        for operator in self._dashboards:
            operator.stay()
            with suppress(OSError):
                snapshot = await operator.snapshot()
                if snapshot.seq == operator.seq:
                    operator.compare(snapshot)
        for room in ROOMS:
            await self._auditor.read_history(room)

    async def _compare_lists(self) -> None:
        """Everybody must see everybody who stays, and nobody else."""
        truth = {person.name for person in self._people}
        courses = tuple(f"course-{n}-" for n in range(self._load.course))

        def others(person: ChatClient) -> set[str]:
            return {name for name in person.reading.listed if not name.startswith(courses)}

        await _until(lambda: all(others(p) == truth for p in self._people), self._bounds.lease + 10)
        for person in self._people:
            person.reading.stay()
            wrong = others(person) ^ truth
            if wrong:
                self._recorder.record_violation(
                    f"the list of {person.name} is wrong at the end about {sorted(wrong)}"
                )

    async def _until_still(self, observer: Observer) -> None:
        """Wait until the stream stops growing: requests that timed out may still be stored."""
        last = {"before": -1, "now": 0}

        async def look() -> None:
            last["now"] = await observer.last_seq(CHAT_STREAM)

        await patiently(look, _PATIENCE_SECONDS)
        while last["now"] != last["before"]:
            await asyncio.sleep(_STILL_SECONDS)
            last["before"] = last["now"]
            await patiently(look, _PATIENCE_SECONDS)

    async def _leave_all(self, broker: NatsConnection, staying: list[Task]) -> None:
        """All clients leave. No member and no name claim may remain."""
        self._recorder.leaving.set()
        await asyncio.wait(staying, timeout=30.0)
        words: list[str] = []

        async def look() -> None:
            words[:] = await left_over(broker)

        deadline = time.time() + self._bounds.name
        await patiently(look, _PATIENCE_SECONDS)
        while words and time.time() < deadline:
            await asyncio.sleep(_ASK_SECONDS)
            await patiently(look, _PATIENCE_SECONDS)
        self._recorder.history.left_over = words


async def leader_of(broker: NatsConnection) -> str | None:
    """Return the node that leads the chat's stream."""
    try:
        info = await broker.jetstream.stream_info(CHAT_STREAM)
    except Exception:  # noqa: BLE001 - whatever it is, there is no leader to be had at this moment
        return None
    return info.cluster.leader if info.cluster else None


def _raise_failures(tasks: list[Task]) -> None:
    """Raise the exception with which a client failed, if one did."""
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is not None:
            raise task.exception() or AssertionError


async def _fail_fast(work: Coroutine[Any, Any, None], others: list[Task]) -> None:
    """Await ``work``, but raise at once if a client failed with an exception."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait((task,), timeout=1.0)
            _raise_failures(others)
        task.result()
    finally:
        task.cancel()


async def _now_and_then(say: Callable[[str], None], nemesis: Nemesis) -> None:
    while True:
        await asyncio.sleep(_TOLD_SECONDS)
        say(f"{len(nemesis.injected)} faults")


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.time() + seconds
    while not condition() and time.time() < deadline:
        await asyncio.sleep(0.05)
