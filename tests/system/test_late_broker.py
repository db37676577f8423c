"""Processes that start before the broker, and before the processes whose streams they need."""

import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from opsroom_runtime.process import EXIT_TEMPFAIL
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.ports import free_port
from opsroom_testkit.processes import ServiceProcess, ready, service
from opsroom_testkit.waiting import until, until_answer

WAITING = "waiting to start: "
NO_BROKER = f"{WAITING}no NATS server answered"


@asynccontextmanager
async def processes(
    folder: Path, names: tuple[str, ...], **environ: str
) -> AsyncIterator[dict[str, tuple[ServiceProcess, int]]]:
    """A process of each service with its admin port. Nothing that it needs has been started."""
    async with AsyncExitStack() as stack:
        found = {}
        for name in names:
            port = free_port()
            own = {f"{name.upper()}_ADMIN_PORT": str(port), "LOG_FORMAT": "text"}
            process = await stack.enter_async_context(service(name, folder, **own, **environ))
            found[name] = process, port
        yield found


async def status(port: int, path: str) -> int:
    """Return the status of the admin port; 0 without a response."""
    async with httpx.AsyncClient(timeout=5) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}{path}")).status_code
        except httpx.TransportError:
            return 0


def said(process: ServiceProcess) -> str:
    """Return the log so far."""
    return process.log.read_text(encoding="utf-8")


async def until_said(process: ServiceProcess, words: str, times: int = 1) -> None:
    """Wait until its log has ``words`` at least ``times`` times."""
    await until(lambda: said(process).count(words) >= times)


async def address_of_a_stopped_broker(folder: Path) -> BrokerProcess:
    """A broker with a known address that has not been started."""
    broker = BrokerProcess(folder)
    await broker.start()
    await broker.stop()
    return broker


async def test_every_process_waits_for_a_broker_that_comes_late(tmp_path: Path) -> None:
    broker = await address_of_a_stopped_broker(tmp_path)
    port = free_port()
    environ = {"NATS_URL": broker.url, "GATEWAY_PORT": str(port)}
    try:
        async with processes(tmp_path, ("gateway", "chat", "cloud"), **environ) as started:
            for process, admin in started.values():
                await until_said(process, NO_BROKER, times=2)
                assert await status(admin, "/healthz") == 200, "it lives"
                assert await status(admin, "/readyz") == 503, "it can't serve"
                assert await status(admin, "/metrics") == 200
            await broker.start()
            await ready(port)
            for process, admin in started.values():
                await until_answer(partial(status, admin, "/readyz"), lambda code: code == 200)
                process.signal(signal.SIGTERM)
            assert [await process.ended() for process, _ in started.values()] == [0, 0, 0]
            assert "Traceback" not in "".join(said(process) for process, _ in started.values())
    finally:
        await broker.stop()


async def test_a_gateway_waits_for_the_streams_of_the_other_services(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path)
    await broker.start()
    port = free_port()
    environ = {"NATS_URL": broker.url, "GATEWAY_PORT": str(port)}
    try:
        async with processes(tmp_path, ("gateway",), **environ) as first:
            gateway, admin = first["gateway"]
            await until_said(gateway, f"{WAITING}stream CHAT does not exist", times=2)
            assert (await status(admin, "/healthz"), await status(admin, "/readyz")) == (200, 503)
            async with processes(tmp_path, ("chat", "cloud"), **environ):
                await ready(port)
    finally:
        await broker.stop()


@pytest.mark.parametrize("name", ["gateway", "chat", "cloud"])
async def test_waiting_ends_at_its_limit_with_the_reason(tmp_path: Path, name: str) -> None:
    nowhere = f"nats://127.0.0.1:{free_port()}"
    async with processes(tmp_path, (name,), NATS_URL=nowhere, START_WAIT_SECONDS="1") as started:
        process, _ = started[name]
        assert await process.ended() == EXIT_TEMPFAIL
        *_, last = said(process).splitlines()
    limit = r"gave up after 1 s \(START_WAIT_SECONDS\)"
    assert re.fullmatch(rf"opsroom-{name}: no NATS server answered at \S+ within 5 s; {limit}", last)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_that_waits_can_be_stopped(tmp_path: Path, number: signal.Signals) -> None:
    nowhere = f"nats://127.0.0.1:{free_port()}"
    async with processes(tmp_path, ("gateway", "chat", "cloud"), NATS_URL=nowhere) as started:
        for process, _ in started.values():
            await until_said(process, NO_BROKER)
            process.signal(number)
            assert await process.ended() == 0
            assert "Traceback" not in said(process)
