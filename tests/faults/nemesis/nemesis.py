"""The nemesis: injects the faults of a plan."""

import asyncio
import logging
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from tests.faults.clients.chat_clients import ChatClient
from tests.faults.clients.recorder import Recorder
from tests.faults.cluster.cluster import PortalCluster
from tests.faults.cluster.managed_process import ManagedProcess
from tests.faults.nemesis.agent_faults import AgentFaults
from tests.faults.nemesis.plan import OUTSIDE_FAULTS, SLEEPS, Fault, FaultKind, Scope
from tests.faults.nemesis.reader_faults import disturb_reader, fill
from tests.faults.nemesis.stream_faults import StreamFaults

_OVER_SECONDS = 300.0
"""The timeout for faults that are still active at the end, such as a rolling restart."""
_NEXT_SECONDS = 1.2
"""The next fault is injected on time even if the last one, begun this long ago, is not over."""
_AT_ONCE = 4
_AIM_SECONDS = 2.0
_STEP_SECONDS = 60.0
_PAUSES = {
    FaultKind.GATEWAY_PAUSE,
    FaultKind.CHAT_PAUSE,
    FaultKind.CLOUD_PAUSE,
    FaultKind.BROKER_PAUSE,
    FaultKind.AGENT_PAUSE,
    *SLEEPS,
}
_TERMS = {
    FaultKind.GATEWAY_TERM,
    FaultKind.CHAT_TERM,
    FaultKind.CLOUD_TERM,
    FaultKind.BROKER_TERM,
    FaultKind.AGENT_TERM,
    FaultKind.ROLLING,
}

_KINDS = ("agent", "broker", "chat", "cloud", "gateway")

Times = tuple[float, float]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault that was injected at ``start``; recovery is measured from ``healed`` on.

    ``where``: the process or the client that it affected; empty: more than one.
    """

    kind: FaultKind
    start: float
    healed: float
    where: str = ""


class Nemesis:
    """Injects a plan into a cluster under load. No process has two faults at once."""

    def __init__(
        self,
        cluster: PortalCluster,
        recorder: Recorder,
        people: list[ChatClient],
        leader: Callable[[], Awaitable[str | None]],
        streams: StreamFaults,
        agents: AgentFaults | None,
    ) -> None:
        self.injected: list[InjectedFault] = []
        self._cluster = cluster
        self._recorder = recorder
        self._people = people
        self._leader = leader
        self._streams = streams
        self._agents = agents
        self._where: dict[int, str] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None
        self._begun = 0.0
        self._kinds: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, plan: tuple[Fault, ...], scope: Scope) -> None:
        """Inject the faults until the time is up. Returns when the last one is over."""
        begun = self._begun = time.time()
        for fault in plan:
            await self._sleep_unless_ended(begun + fault.at - time.time())
            while len(self._under_way) >= _AT_ONCE:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            over = time.time() - begun > scope.seconds or self._failed is not None
            if over or self._recorder.enough.is_set():
                break
            task = asyncio.create_task(self._inject(fault))
            self._under_way.add(task)
            task.add_done_callback(self._end_of)
            if scope.apart:
                await asyncio.wait((task,))
                await self._sleep_unless_ended(scope.apart)
            elif fault.kind not in SLEEPS:
                await asyncio.wait((task,), timeout=max(_NEXT_SECONDS, fault.seconds + 0.5))
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_OVER_SECONDS)
        if self._failed is not None:
            raise self._failed

    def _end_of(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed = task.exception()

    async def _sleep_unless_ended(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._recorder.enough.wait()

    async def _inject(self, fault: Fault) -> None:
        asked = time.time()
        try:
            start, healed = await self._do(fault)
        except TimeoutError:
            self._recorder.record_violation(
                f"after {fault.kind} at {fault.at:.1f} s a process was not ready in time"
            )
            start, healed = asked, time.time()
        where = self._where.pop(id(fault), "")
        self.injected.append(InjectedFault(fault.kind, start, healed, where))
        log.debug("%s at %.1f s, over after %.1f s", fault.kind, start - self._begun, time.time() - start)

    async def _do(self, fault: Fault) -> Times:
        """Inject a fault. Returns when it began, and when it was healed."""
        how: dict[FaultKind, Callable[[Fault], Awaitable[Times]]] = {
            FaultKind.CHAT_KILL_IN_SEND: self._kill_in_send,
            FaultKind.CHAT_KILL_ALL: self._kill_all,
            FaultKind.CLOUD_KILL_ACCEPTING: self._kill_accepting,
            FaultKind.CLOUD_KILL_FINISHING: self._kill_finishing,
            FaultKind.GATEWAY_CUT: self._partition,
            FaultKind.GATEWAY_STALL: self._partition,
            FaultKind.AGENT_CUT: self._partition,
            FaultKind.AGENT_KILL_WORKING: self._kill_working,
            FaultKind.CLOUD_KILL_WORKING: self._kill_working,
            FaultKind.LEADER_KILL: self._kill_leader,
            FaultKind.NODE_CUT: self._cut_node,
            FaultKind.CLOCK_STEP: self._step,
            FaultKind.BROKER_FULL: self._fill,
            FaultKind.READER_CUT: self._disturb_reader,
            FaultKind.READER_SLOW: self._disturb_reader,
            FaultKind.READER_HALF_OPEN: self._disturb_reader,
            FaultKind.ROLLING: self._roll,
            FaultKind.RESTORE: self._restore,
            FaultKind.STREAM_RECREATED: self._recreate,
        }
        if self._agents is not None:
            how |= dict.fromkeys(OUTSIDE_FAULTS, self._agents.change)
            how[FaultKind.ENGINE_AWAY] = self._agents.take_away
        if fault.kind in how:
            return await how[fault.kind](fault)
        victim = self._victim(fault)
        self._where[id(fault)] = victim.name
        if fault.kind in _PAUSES:
            return await self._pause(victim, fault)
        after = fault.kind in {FaultKind.BROKER_KILL, FaultKind.BROKER_TERM}
        return await self._end([victim], fault, after=after)

    async def _kill_in_send(self, fault: Fault) -> Times:
        await self._wait_for(self._recorder.sending, fault)
        return await self._end([self._victim(fault)], fault)

    async def _kill_all(self, fault: Fault) -> Times:
        return await self._end(self._cluster.chats, fault, after=True)

    async def _kill_accepting(self, fault: Fault) -> Times:
        await self._wait_for(self._recorder.commanding, fault)
        return await self._end(self._cluster.clouds, fault, after=True)

    async def _kill_finishing(self, fault: Fault) -> Times:
        due = self._recorder.last_due - time.time() + (fault.pick - 0.3) * 0.03
        await asyncio.sleep(min(max(due, 0.0), self._cluster.size.delay))
        return await self._end(self._cluster.clouds, fault, after=True)

    async def _kill_working(self, fault: Fault) -> Times:
        """Kill the agent that acts, or all cloud processes, while it works."""
        if self._agents is None:
            return time.time(), time.time()
        acting = await self._agents.acting()
        await self._agents.until_working(fault)
        if fault.kind is FaultKind.CLOUD_KILL_WORKING:
            return await self._end(self._cluster.clouds, fault, after=True)
        return await self._end(acting or [self._victim(fault)], fault, after=True)

    async def _kill_leader(self, fault: Fault) -> Times:
        name = await self._leader()
        nodes = [node.child for number, node in enumerate(self._cluster.nodes, 1) if f"n{number}" == name]
        return await self._end(nodes or [self._victim(fault)], fault)

    async def _roll(self, fault: Fault) -> Times:
        start = time.time()
        for child in self._cluster.services():
            await self._end([child], fault)
        return start, time.time()

    async def _restore(self, fault: Fault) -> Times:
        async with self._exclusively(self._cluster.children(), kinds=_KINDS):
            return await self._streams.restore(fault)

    async def _recreate(self, fault: Fault) -> Times:
        chats = [*self._cluster.chats, *(node.child for node in self._cluster.nodes)]
        async with self._exclusively(chats, kinds=("broker", "chat")):
            return await self._streams.recreate(fault)

    def _victim(self, fault: Fault) -> ManagedProcess:
        """Return the planned victim, or another process of its kind if that one has a fault."""
        kind = fault.kind.partition("-")[0]
        groups: dict[str, list[ManagedProcess]] = {
            "gateway": [gateway.child for gateway in self._cluster.gateways],
            "chat": self._cluster.chats,
            "cloud": self._cluster.clouds,
            "agent": [agent.child for agent in self._cluster.agents],
        }
        group = groups.get(kind) or [node.child for node in self._cluster.nodes]
        first = int(fault.pick * len(group))
        ordered = group[first:] + group[:first]
        return next((child for child in ordered if not child.fault_lock.locked()), ordered[0])

    async def _wait_for(self, event: asyncio.Event, fault: Fault) -> None:
        """Wait for the next ``event``, and then for a few milliseconds that the plan chose."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_AIM_SECONDS):
                await event.wait()
        await asyncio.sleep(fault.pick * 0.02)

    @asynccontextmanager
    async def _exclusively(
        self, children: Sequence[ManagedProcess], *, sleeps: bool = False, kinds: Sequence[str] = ()
    ) -> AsyncIterator[float]:
        """Reserve processes for one fault. Yields the time at which it has them.

        Only one process of a kind has a fault at a time, except long pauses: replicas help only
        while another one works.
        """
        async with AsyncExitStack() as stack:
            kind = children[0].name.partition("-")[0]
            for one in sorted(kinds) or ([kind] if not sleeps or kind == "broker" else []):
                await stack.enter_async_context(self._kinds[one])
            for child in sorted(children, key=lambda child: child.name):
                await stack.enter_async_context(child.fault_lock)
            yield time.time()

    async def _end(self, children: list[ManagedProcess], fault: Fault, *, after: bool = False) -> Times:
        """Send SIGKILL or SIGTERM. Recovery counts from then, or (``after``) from the restart."""
        async with self._exclusively(children) as start:
            for child in children:
                child.signal(signal.SIGTERM if fault.kind in _TERMS else signal.SIGKILL, down=fault.seconds)
            try:
                await asyncio.gather(*(child.wait_restarted() for child in children))
            except TimeoutError:
                if not self._broker_was_away(start):
                    raise
                await asyncio.gather(*(child.wait_restarted() for child in children))
        return start, time.time() if after else start

    def _broker_was_away(self, since: float) -> bool:
        """Return whether the broker had a fault after ``since``: nothing can start without it."""
        return self._kinds["broker"].locked() or any(
            one.healed > since and one.kind.startswith("broker-") for one in self.injected
        )

    async def _pause(self, child: ManagedProcess, fault: Fault) -> Times:
        async with self._exclusively([child], sleeps=fault.kind in SLEEPS) as start:
            child.signal(signal.SIGSTOP)
            await asyncio.sleep(fault.seconds)
            child.signal(signal.SIGCONT)
        return start, time.time()

    async def _partition(self, fault: Fault) -> Times:
        victim = self._victim(fault)
        self._where[id(fault)] = victim.name
        connected = (*self._cluster.gateways, *self._cluster.agents)
        ways = next(one.ways for one in connected if one.child is victim)
        async with self._exclusively([victim]) as start:
            for way in ways:
                way.stall() if fault.kind is FaultKind.GATEWAY_STALL else way.cut()
            await asyncio.sleep(fault.seconds)
            for way in ways:
                way.heal()
        return start, time.time()

    async def _cut_node(self, fault: Fault) -> Times:
        node = self._cluster.nodes[int(fault.pick * len(self._cluster.nodes))]
        async with self._exclusively([node.child]) as start:
            for route in node.routes:
                route.cut() if fault.seconds > 6 else route.stall()
            await asyncio.sleep(fault.seconds)
            for route in node.routes:
                route.heal()
        return start, time.time()

    async def _step(self, fault: Fault) -> Times:
        services = self._cluster.services()
        child = services[int(fault.pick * len(services))]
        async with self._exclusively([child], sleeps=True) as start:
            self._cluster.step(child.name, _STEP_SECONDS * (2 * (fault.pick * len(services) % 1) - 1))
            await asyncio.sleep(fault.seconds)
            self._cluster.step(child.name, 0)
        return start, time.time()

    async def _fill(self, fault: Fault) -> Times:
        """Fill the broker's disk; then free it and restart the broker, as an operator would."""
        filler = self._cluster.store / "filler"
        broker = self._cluster.nodes[0].child
        async with self._exclusively([broker]) as start:
            await asyncio.to_thread(fill, filler)
            await asyncio.sleep(fault.seconds)
            filler.unlink(missing_ok=True)
            broker.signal(signal.SIGTERM, down=0.1)
            await broker.wait_restarted()
        return start, time.time()

    async def _disturb_reader(self, fault: Fault) -> Times:
        start = time.time()
        self._where[id(fault)] = await disturb_reader(self._people, fault)
        return start, time.time()
