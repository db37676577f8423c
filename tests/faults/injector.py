"""Makes the faults of a plan happen, each to its end."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.ledger import Ledger
from tests.faults.people import PAD, Person
from tests.faults.plan import Fault, Kind
from tests.faults.rig import Child, Gateway, Rig

_BACK_SECONDS = 60.0
"""For one process to be back."""
_NEXT_SECONDS = 3.0
"""The next fault comes, where it is its time, even if the last one is still felt so long after it began."""
_AIM_SECONDS = 2.0
_PAUSES = {
    Kind.GATEWAY_PAUSE,
    Kind.GATEWAY_SLEEP,
    Kind.CHAT_PAUSE,
    Kind.CLOUD_PAUSE,
    Kind.BROKER_PAUSE,
    Kind.BROKER_SLEEP,
}
_TERMS = {Kind.GATEWAY_TERM, Kind.CHAT_TERM, Kind.CLOUD_TERM, Kind.BROKER_TERM, Kind.ROLLING}


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that happened: from ``start``; recovery counts from ``healed`` on.

    ``alone``: no other was under way meanwhile.
    """

    kind: Kind
    start: float
    healed: float
    alone: bool


class Injector:
    """Carries out a plan against a rig under load."""

    def __init__(
        self,
        rig: Rig,
        ledger: Ledger,
        people: list[Person],
        leader: Callable[[], Awaitable[str | None]],
    ) -> None:
        self.injected: list[Injected] = []
        self._rig = rig
        self._ledger = ledger
        self._people = people
        self._leader = leader
        self._under_way: set[asyncio.Task[None]] = set()
        self._begun = 0

    async def run(self, plan: tuple[Fault, ...]) -> None:
        """Inject everything; returns when the last is over."""
        begun = time.time()
        for fault in plan:
            await asyncio.sleep(max(0.0, begun + fault.at - time.time()))
            task = asyncio.create_task(self._inject(fault))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            if fault.kind not in {Kind.GATEWAY_SLEEP, Kind.BROKER_SLEEP}:
                await asyncio.wait((task,), timeout=max(_NEXT_SECONDS, fault.seconds + 1.0))
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_BACK_SECONDS)

    async def _inject(self, fault: Fault) -> None:
        start = time.time()
        self._begun += 1
        number, alone = self._begun, len(self._under_way) <= 1
        patience = _BACK_SECONDS * (len(self._rig.services()) if fault.kind is Kind.ROLLING else 1)
        try:
            async with asyncio.timeout(patience):
                reference = await self._do(fault)
        except TimeoutError:
            self._ledger.refuse(f"{fault.kind} at {fault.at:.1f} s was not over in {patience:g} s")
            reference = time.time()
        self.injected.append(Injected(fault.kind, start, reference, alone and number == self._begun))

    async def _do(self, fault: Fault) -> float:
        """Do it; answers the moment from which recovery counts."""
        how: dict[Kind, Callable[[Fault], Awaitable[float]]] = {
            Kind.CHAT_KILL_IN_SEND: self._kill_in_send,
            Kind.CHAT_KILL_ALL: self._kill_all,
            Kind.CLOUD_KILL_ACCEPTING: self._kill_accepting,
            Kind.CLOUD_KILL_FINISHING: self._kill_finishing,
            Kind.GATEWAY_CUT: self._part,
            Kind.GATEWAY_STALL: self._part,
            Kind.LEADER_KILL: self._kill_leader,
            Kind.NODE_CUT: self._cut_node,
            Kind.BROKER_FULL: self._fill,
            Kind.READER_CUT: self._trouble,
            Kind.READER_SLOW: self._trouble,
            Kind.READER_HALF_OPEN: self._trouble,
            Kind.ROLLING: self._roll,
        }
        if fault.kind in how:
            return await how[fault.kind](fault)
        if fault.kind in _PAUSES:
            return await self._pause(self._victim(fault), fault.seconds)
        after = fault.kind in {Kind.BROKER_KILL, Kind.BROKER_TERM}
        return await self._end([self._victim(fault)], fault, after=after)

    async def _kill_in_send(self, fault: Fault) -> float:
        await self._aim(self._ledger.sending, fault)
        return await self._end([self._victim(fault)], fault)

    async def _kill_all(self, fault: Fault) -> float:
        return await self._end(self._rig.chats, fault, after=True)

    async def _kill_accepting(self, fault: Fault) -> float:
        await self._aim(self._ledger.commanding, fault)
        return await self._end(self._rig.clouds, fault, after=True)

    async def _kill_finishing(self, fault: Fault) -> float:
        due = self._ledger.last_due - time.time() + (fault.pick - 0.3) * 0.03
        await asyncio.sleep(min(max(due, 0.0), self._rig.size.delay))
        return await self._end(self._rig.clouds, fault, after=True)

    async def _kill_leader(self, fault: Fault) -> float:
        name = await self._leader()
        nodes = [node.child for number, node in enumerate(self._rig.nodes, 1) if f"n{number}" == name]
        return await self._end(nodes or [self._victim(fault)], fault)

    async def _roll(self, fault: Fault) -> float:
        for child in self._rig.services():
            await self._end([child], fault)
        return time.time()

    def _victim(self, fault: Fault) -> Child:
        kind = fault.kind.partition("-")[0]
        groups: dict[str, list[Child]] = {
            "gateway": [gateway.child for gateway in self._rig.gateways],
            "chat": self._rig.chats,
            "cloud": self._rig.clouds,
        }
        group = groups.get(kind) or [node.child for node in self._rig.nodes]
        return group[int(fault.pick * len(group))]

    def _gateway(self, fault: Fault) -> Gateway:
        return self._rig.gateways[int(fault.pick * len(self._rig.gateways))]

    async def _aim(self, event: asyncio.Event, fault: Fault) -> None:
        """Wait for the next one of something, and a few milliseconds that the plan chose."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_AIM_SECONDS):
                await event.wait()
        await asyncio.sleep(fault.pick * 0.02)

    async def _end(self, children: list[Child], fault: Fault, *, after: bool = False) -> float:
        """kill -9, or SIGTERM. Recovery counts from then, or from when it was started ``after`` that."""
        now = time.time()
        for child in children:
            child.signal(signal.SIGTERM if fault.kind in _TERMS else signal.SIGKILL, down=fault.seconds)
        await asyncio.gather(*(child.until_back() for child in children))
        return time.time() if after else now

    async def _pause(self, child: Child, seconds: float) -> float:
        child.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        child.signal(signal.SIGCONT)
        return time.time()

    async def _part(self, fault: Fault) -> float:
        ways = self._gateway(fault).ways
        for way in ways:
            way.cut() if fault.kind is Kind.GATEWAY_CUT else way.stall()
        await asyncio.sleep(fault.seconds)
        for way in ways:
            way.heal()
        return time.time()

    async def _cut_node(self, fault: Fault) -> float:
        node = self._rig.nodes[int(fault.pick * len(self._rig.nodes))]
        for route in node.routes:
            route.cut() if fault.seconds > 6 else route.stall()
        await asyncio.sleep(fault.seconds)
        for route in node.routes:
            route.heal()
        return time.time()

    async def _fill(self, fault: Fault) -> float:
        """Fill the broker's disk; then make room and start it again, as an operator would."""
        filler = self._rig.store / "filler"
        await asyncio.to_thread(fill, filler)
        await asyncio.sleep(fault.seconds)
        filler.unlink(missing_ok=True)
        broker = self._rig.nodes[0].child
        broker.signal(signal.SIGTERM, down=0.1)
        await broker.until_back()
        return time.time()

    async def _trouble(self, fault: Fault) -> float:
        connected = [person for person in self._people if person.socket is not None]
        if not connected:
            return time.time()
        socket = connected[int(fault.pick * len(connected))].socket
        assert socket is not None
        if fault.kind is Kind.READER_CUT:
            socket.cut({"type": "send", "clientId": "cut", "room": "general", "text": PAD})
            return time.time()
        socket.pause()
        await asyncio.sleep(fault.seconds)
        if fault.kind is Kind.READER_SLOW:
            socket.resume()
        else:
            socket.abort()
        return time.time()


def fill(path: Path) -> None:
    """Write until nothing fits any more."""
    chunk = b"\0" * 65536
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            size = file.write(chunk)
            if size < len(chunk):
                return
