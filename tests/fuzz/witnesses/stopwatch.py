"""Stopwatch: a witness in a process for itself, which measures how long others wait during an attack.

Run as ``python -m tests.fuzz.witnesses.stopwatch URL USERS PORT PID``: the broker, the folder of its users,
the port of the gateway, and its process. It requests ``/healthz`` all the time, and sends messages that two
clients must receive. After each line on its input it prints a ``Report`` as a line of JSON.
"""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from nats.js import JetStreamContext
from websockets.asyncio.client import ClientConnection

from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.private_files import OPERATOR, password_file
from opsroom_testkit.guarded_broker import GuardedBroker
from services.gateway.tests.kit.api_clients import Person, person
from services.gateway.tests.kit.course_clients import course_client
from services.gateway.tests.kit.portal import Address
from tests.fuzz.witnesses.machine import MachineWatch

STARVED_SECONDS = 0.25
"""The longest that a client may wait because of another one."""
HEALTH, MESSAGE = "/healthz", "message"
_HEALTH_EVERY, _MESSAGE_EVERY, _CONTROL_EVERY = 0.025, 0.1, 0.05
_HEALTH_AT_ONCE = 40
_SLOW_CONTROL = 0.03
"""A control write that takes longer excuses a message that waits meanwhile."""
_GIVE_UP_SECONDS, _LOST_SECONDS = 60.0, 10.0
_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
_STREAM, _SUBJECT = "CONTROL", "control.write"


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait in seconds, and how much of it the machine is to blame for. ``pending``: it has not ended."""

    kind: str
    seconds: float
    excused: float
    pending: bool = False

    @property
    def counted(self) -> float:
        """The rest, for which the portal is to blame."""
        return self.seconds - self.excused


@dataclass(frozen=True, slots=True)
class Report:
    """The waits since the last report: their number, the median and the longest by kind, and those that
    count as starvation.
    """

    counts: dict[str, int] = field(default_factory=dict)
    worst: dict[str, float] = field(default_factory=dict)
    worst_counted: dict[str, float] = field(default_factory=dict)
    starved: list[Wait] = field(default_factory=list)


class StopwatchError(Exception):
    """The stopwatch has ended; the message is the end of its log."""


class Stopwatch:
    """Measures until cancelled. A message waits for the broker's disk, too: control writes measure that."""

    def __init__(self, port: int, pid: int, control: JetStreamContext) -> None:
        self._port = port
        self._machine = MachineWatch(pid)
        self._control = control
        self._waits: list[Wait] = []
        self._pending: dict[object, tuple[str, float]] = {}
        self._reported: set[object] = set()
        """Of these, what was reported already. Each wait is reported once."""
        self._slow_writes: deque[tuple[float, float]] = deque(maxlen=1000)
        self._write_began: float | None = None
        self._received: dict[str, int] = {}

    async def run(self, speaker: Person, listener: ClientConnection) -> None:
        """Measure with two connected clients."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._machine.run())
            group.create_task(self._write_controls())
            group.create_task(self._read(speaker.socket))
            group.create_task(self._read(listener))
            group.create_task(self._send_messages(speaker))
            while True:
                await asyncio.sleep(_HEALTH_EVERY)
                if len(self._pending) < _HEALTH_AT_ONCE:
                    group.create_task(self._request())

    async def report(self) -> Report:
        """Return what was measured since the last call. What has begun is waited for first."""
        waiting = set(self._pending)
        while any(
            one in self._pending and one not in self._reported and self._so_far(one).counted < STARVED_SECONDS
            for one in waiting
        ):
            await asyncio.sleep(0.005)
        waits, self._waits = self._waits, []
        late = [one for one in waiting if one in self._pending and one not in self._reported]
        waits += [self._so_far(one) for one in late]
        self._reported.update(late)
        by_kind = {kind: [one for one in waits if one.kind == kind] for kind in (HEALTH, MESSAGE)}
        return Report(
            {kind: len(found) for kind, found in by_kind.items()},
            {kind: max((one.seconds for one in found), default=0.0) for kind, found in by_kind.items()},
            {kind: max((one.counted for one in found), default=0.0) for kind, found in by_kind.items()},
            [one for one in waits if one.counted >= STARVED_SECONDS],
        )

    def _so_far(self, token: object) -> Wait:
        kind, began = self._pending[token]
        return self._judged(kind, began, pending=True)

    def _judged(self, kind: str, began: float, *, pending: bool = False) -> Wait:
        now = time.monotonic()
        excused = self._machine.excused(began, now) if now - began > STARVED_SECONDS else 0.0
        if kind == MESSAGE:
            writes = [*self._slow_writes, (self._write_began or now, now)]
            excused += sum(max(0.0, min(now, end) - max(began, start)) for start, end in writes)
        return Wait(kind, now - began, min(excused, now - began), pending)

    def _begin(self, kind: str) -> object:
        token = object()
        self._pending[token] = (kind, time.monotonic())
        return token

    def _end(self, token: object) -> None:
        kind, began = self._pending.pop(token)
        if token not in self._reported:
            self._waits.append(self._judged(kind, began))
        self._reported.discard(token)

    async def _request(self) -> None:
        token = self._begin(HEALTH)
        try:
            async with asyncio.timeout(_GIVE_UP_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.write(_REQUEST)
                response = await reader.read()
                writer.close()
            assert response.startswith(b"HTTP/1.1 200"), response[:200]
        except (TimeoutError, OSError, AssertionError) as error:
            print(f"stopwatch: {error!r}", file=sys.stderr, flush=True)  # noqa: T201 - into its log
        self._end(token)

    async def _send_messages(self, speaker: Person) -> None:
        while True:
            await asyncio.sleep(_MESSAGE_EVERY)
            mark, token = uuid4().hex, self._begin(MESSAGE)
            self._received = {mark: 0}
            await speaker.send({"type": "send", "clientId": mark, "room": "general", "text": mark})
            deadline = time.monotonic() + _LOST_SECONDS
            # The reply, and the message at both clients. If it is lost, the canaries report that.
            while self._received[mark] < 3 and time.monotonic() < deadline:
                await asyncio.sleep(0.005)
            self._end(token)

    async def _read(self, socket: ClientConnection) -> None:
        async for data in socket:
            for mark in self._received:
                if mark in str(data):
                    self._received[mark] += 1

    async def _write_controls(self) -> None:
        while True:
            await asyncio.sleep(_CONTROL_EVERY)
            self._write_began = began = time.monotonic()
            await self._control.publish(_SUBJECT, b"x", timeout=_GIVE_UP_SECONDS)
            self._write_began = None
            if (ended := time.monotonic()) - began > _SLOW_CONTROL:
                self._slow_writes.append((began, ended))


async def _measure(url: str, users: Path, port: int, pid: int) -> None:
    async with AsyncExitStack() as stack:
        access = Credentials(OPERATOR, password_file(users, OPERATOR))
        broker = await connect(url, name=OPERATOR, credentials=access)
        stack.push_async_callback(broker.close)
        control = broker.client.jetstream()
        await control.add_stream(name=_STREAM, subjects=["control.>"], max_msgs=10)
        speaker = await stack.enter_async_context(person(Address(port), name="stopwatch"))
        listener = await stack.enter_async_context(course_client(Address(port), "a stopwatch"))
        watch = Stopwatch(port, pid, control)
        measuring = asyncio.create_task(watch.run(speaker, listener.socket))
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
        )
        _say({})
        while await orders.readline():
            _say(asdict(await watch.report()))
            if measuring.done():
                await measuring
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class StopwatchProcess:
    """The process, seen from the session."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    async def report(self) -> Report:
        """Return the waits since the last report.

        Raises:
            StopwatchError: it was disconnected, or had another problem.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        found = await self.line()
        return Report(**found | {"starved": [Wait(**one) for one in found["starved"]]})

    async def line(self) -> dict[str, Any]:
        """Read a line of its output."""
        assert self._process.stdout is not None
        async with asyncio.timeout(2 * _GIVE_UP_SECONDS):
            if not (line := await self._process.stdout.readline()):
                raise StopwatchError(self._log.read_text()[-2000:])
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def running_stopwatch(broker: GuardedBroker, port: int, pid: int) -> AsyncIterator[StopwatchProcess]:
    """Run the process."""
    log = broker.folder / "stopwatch.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fuzz.witnesses.stopwatch"),
            *(broker.url, str(broker.users), str(port), str(pid)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=output,
            limit=2**20,
            cwd=Path(__file__).parents[3],
        )
    try:
        watch = StopwatchProcess(process, log)
        await watch.line()
        yield watch
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(_measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
