"""Running services: several in one process."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import BrokerUnusableError
from opsroom_messaging.program import Program, environ_of, run_programs
from opsroom_messaging.settings import ServiceSettings
from opsroom_runtime.admin_server import AdminSettings
from opsroom_runtime.errors import TaskFailedError
from opsroom_runtime.log_fields import service_fields
from opsroom_runtime.tracing import NoTracer
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.ports import free_port
from opsroom_testkit.waiting import until, until_answer

Start = Callable[[NatsConnection], AbstractAsyncContextManager[asyncio.Event]]


class Running:
    """A service that does nothing. ``events`` gets what happens to it; ``died`` makes it fail."""

    def __init__(self, name: str, events: list[str]) -> None:
        self.died = asyncio.Event()
        self._name = name
        self._events = events

    @asynccontextmanager
    async def start(self, broker: NatsConnection) -> AsyncIterator[asyncio.Event]:
        counter = broker.metrics.counter("worked", "Worked.")
        counter.add(amount=len(self._name))
        said = service_fields().get("service", "")
        self._events.append(f"{self._name} started as {said}")
        try:
            yield self.died
        finally:
            self._events.append(f"{self._name} stopped")


@asynccontextmanager
async def unusable(broker: NatsConnection) -> AsyncIterator[asyncio.Event]:
    """A service that can't start."""
    if broker.connected:
        raise BrokerUnusableError("it can't work")
    yield asyncio.Event()


@asynccontextmanager
async def hanging(broker: NatsConnection) -> AsyncIterator[asyncio.Event]:
    """A service that is never ready."""
    await asyncio.Event().wait()
    yield asyncio.Event()


async def run(url: str, services: Sequence[tuple[str, Start]], admin_port: int | None = None) -> None:
    programs = [Program(name, ServiceSettings(nats_url=url), start) for name, start in services]
    tracers = {name: NoTracer() for name, _ in services}
    await run_programs(programs, tracers, AdminSettings(admin_port=admin_port))


async def test_one_that_fails_ends_all_of_them_in_order(broker_process: BrokerProcess) -> None:
    events: list[str] = []
    first, second = Running("first", events), Running("second", events)
    services = [("first", first.start), ("second", second.start)]
    running = asyncio.create_task(run(broker_process.url, services))
    await until(lambda: len(events) == 2)
    assert sorted(events) == ["first started as first", "second started as second"]
    second.died.set()
    with pytest.raises(TaskFailedError, match="second"):
        await running
    assert sorted(events[2:]) == ["first stopped", "second stopped"]


async def test_one_that_can_not_start_stops_the_others(broker_process: BrokerProcess) -> None:
    events: list[str] = []
    services = [("first", Running("first", events).start), ("second", unusable), ("third", hanging)]
    with pytest.raises(BrokerUnusableError, match="it can't work"):
        async with asyncio.timeout(30):
            await run(broker_process.url, services)
    assert events in ([], ["first started as first", "first stopped"])


async def test_one_server_answers_for_all(broker_process: BrokerProcess) -> None:
    port, events = free_port(), list[str]()
    first, second = Running("first", events), Running("second", events)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        async def readiness() -> tuple[int, str]:
            try:
                answer = await client.get("/readyz")
            except httpx.TransportError:
                return 0, ""
            return answer.status_code, answer.json().get("reason", "")

        services: list[tuple[str, Start]] = [("first", first.start), ("slow", hanging)]
        starting = asyncio.create_task(run(broker_process.url, services, port))
        reason = "slow: it is starting or stopping"
        await until_answer(readiness, lambda answer: answer == (503, reason))
        starting.cancel()
        await asyncio.wait([starting])
        services = [("first", first.start), ("second", second.start)]
        running = asyncio.create_task(run(broker_process.url, services, port))
        await until_answer(readiness, lambda answer: answer == (200, ""))
        page = (await client.get("/metrics")).text.splitlines()
    first.died.set()
    with pytest.raises(TaskFailedError):
        await running
    assert page.count("# TYPE opsroom_worked_total counter") == 1
    assert 'opsroom_worked_total{service="first"} 5.0' in page
    assert 'opsroom_worked_total{service="second"} 6.0' in page
    assert 'opsroom_nats_connected{service="second"} 1.0' in page
    assert sum(line.startswith("process_resident_memory_bytes ") for line in page) == 1


STOPPED = """
import asyncio, logging, sys
from contextlib import asynccontextmanager
from opsroom_messaging.program import Program, run_programs
from opsroom_messaging.settings import ServiceSettings
from opsroom_runtime.admin_server import AdminSettings
from opsroom_runtime.process import run_several

@asynccontextmanager
async def ready(broker):
    print("up", flush=True)
    yield asyncio.Event()
    logging.getLogger("a_library").warning("drained")

@asynccontextmanager
async def hanging(broker):
    print("hangs", flush=True)
    await asyncio.Event().wait()
    yield asyncio.Event()

starts = {"first": ready, "second": hanging if sys.argv[2] == "starting" else ready}

async def main(tracers):
    settings = ServiceSettings(nats_url=sys.argv[1])
    programs = [Program(name, settings, start) for name, start in starts.items()]
    await run_programs(programs, tracers, AdminSettings())

run_several("both", tuple(starts), main)
"""


@pytest.mark.parametrize("second", ["starting", "running"])
def test_a_signal_stops_all_and_log_lines_name_their_service(
    broker_process: BrokerProcess, second: str
) -> None:
    argv = [sys.executable, "-c", STOPPED, broker_process.url, second]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert {next(process.stdout), next(process.stdout)} == {"up\n", "hangs\n"} or second == "running"
        process.terminate()
        _, logged = process.communicate(timeout=30)
    assert process.returncode == 0, logged
    lines = [json.loads(line) for line in logged.splitlines()]
    drained = [line["service"] for line in lines if line["message"] == "drained"]
    assert sorted(drained) == (["first"] if second == "starting" else ["first", "second"])


def test_what_all_services_share_may_differ_for_each() -> None:
    environ = {"NATS_USER": "all", "NATS_URL": "nats://a", "CHAT_NATS_USER": "chat", "CHAT_ROOMS": "x"}
    assert environ_of("chat", environ) == {**environ, "NATS_USER": "chat"}
    assert environ_of("cloud", environ) == environ
