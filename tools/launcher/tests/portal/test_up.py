"""`up` end to end: the real broker and services, from the command line to the exit code."""

import asyncio
import json
import os
import re
import signal
import ssl
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from opsroom_launcher.container import DATA_ENTRIES
from opsroom_testkit.broker import CAN_FILL_DISK, limit_files
from opsroom_testkit.certificates import make_certificate
from opsroom_testkit.waiting import until, until_answer
from tools.launcher.tests.processes import is_running, taken_port

REPOSITORY = Path(__file__).parents[4]
START_SECONDS = 120.0  # as the launcher itself waits
STOP_SECONDS = 40.0


class Portal:
    """A running `up`, and its output."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.complaints: list[str] = []
        self._reading = asyncio.gather(
            self._read(process.stdout, self.lines), self._read(process.stderr, self.complaints)
        )

    @property
    def web(self) -> str:
        """The URL of the gateway."""
        return self._address(r"(?:Page and )?API  +(https?://\S+?)/$")

    @property
    def nats(self) -> str:
        """The URL of the broker."""
        return self._address(r"NATS +(nats://\S+)$")

    async def ready(self) -> None:
        """Wait until it prints the banner."""
        await until(lambda: any("To stop" in line for line in self.lines) or self.has_ended, START_SECONDS)
        assert not self.has_ended, self.complaints or self.lines

    async def end(self) -> int:
        """Wait for the end. Returns the exit code."""
        code = await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        await asyncio.wait_for(self._reading, STOP_SECONDS)
        return code

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end. Returns the exit code."""
        self.process.send_signal(number)
        return await self.end()

    @property
    def has_ended(self) -> bool:
        """Whether the launcher itself has ended."""
        return self.process.returncode is not None

    def family(self) -> dict[str, int]:
        """Return its children: pid by name."""
        family = {}
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # it has just ended
                family[_name(child)] = child.pid
        return family

    def _address(self, pattern: str) -> str:
        (found,) = [match[1] for line in self.lines if (match := re.search(pattern, line))]
        return str(found)

    @staticmethod
    async def _read(stream: asyncio.StreamReader | None, into: list[str]) -> None:
        assert stream is not None
        async for line in stream:
            into.append(line.decode().rstrip("\n"))


def _name(process: psutil.Process) -> str:
    command = process.cmdline()
    return command[-1].removeprefix("opsroom_") if "-m" in command else process.name()


def _hear_ctrl_c() -> None:
    """Tests in the background ignore SIGINT, and `up` would keep that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@asynccontextmanager
async def portal(*arguments: str, **environ: str) -> AsyncIterator[Portal]:
    """Run `up` with free ports by default. Killed at the end if it is still running."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "opsroom_launcher", "up", *arguments),
        cwd=REPOSITORY,
        env={**os.environ, "PORT": "0", "NATS_PORT": "0", "CLOUD_DELAY_SECONDS": "0", **environ},
        stdout=PIPE,
        stderr=PIPE,
        preexec_fn=_hear_ctrl_c,
    )
    running = Portal(process)
    try:
        yield running
    finally:
        if not running.has_ended:
            await running.stop(signal.SIGKILL)


@asynccontextmanager
async def ready_portal(*arguments: str, **environ: str) -> AsyncIterator[Portal]:
    """The same, but yields when it is ready."""
    async with portal(*arguments, **environ) as running:
        await running.ready()
        yield running


async def refusal(*arguments: str, **environ: str) -> str:
    """Return the one-line error of `up`."""
    async with portal(*arguments, **environ) as running:
        assert await running.end() == 1
        assert len(running.complaints) == 1, running.complaints
        return running.complaints[0]


async def instances(web: str) -> list[str]:
    """Return the ids of all instances."""
    async with httpx.AsyncClient(base_url=web, timeout=30) as client:
        answer = (await client.get("/api/v1/cloud/instances")).raise_for_status()
        return [str(instance["id"]) for instance in answer.json()["instances"]]


async def create_instance(web: str) -> None:
    async with httpx.AsyncClient(base_url=web, timeout=30) as client:
        created = await client.post("/api/v1/cloud/instances", headers={"Opsroom-Name": "a test"})
        created.raise_for_status()
    await until_answer(lambda: instances(web), bool)


def printed_token(portal: Portal) -> str:
    """The token in the file that the banner names."""
    file = next(line.partition("Admin's token")[2] for line in portal.lines if "Admin's token" in line)
    return Path(file.strip()).read_text().strip()


async def only_the_printed_token_reads_the_audit(portal: Portal) -> None:
    """Being on this machine is not enough: behind a proxy here, everybody seems to be."""
    proof = {"Authorization": f"Bearer {printed_token(portal)}"}
    async with httpx.AsyncClient(base_url=portal.web, timeout=30) as client:
        assert (await client.get("/api/v1/audit")).status_code == 401
        assert (await client.get("/api/v1/audit", headers=proof)).status_code == 200


async def test_start_prints_where_things_are_and_a_second_start_keeps_the_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with ready_portal("--data", str(data)) as first:
        assert first.nats.startswith("nats://127.0.0.1:")
        printed = "\n".join(first.lines)
        assert all(
            word in printed for word in ("/openapi.json", "/chat", "/cloud", "cloud.events.>", str(data))
        )
        await create_instance(first.web)
        await only_the_printed_token_reads_the_audit(first)
        created = await instances(first.web)
        family = first.family()
        assert set(family) == {"sh", "nats-server", "chat", "cloud", "gateway", "incidents"}
        assert await first.stop() == 0
        assert not any(is_running(pid) for pid in family.values())
        assert first.complaints == []
    # The container's entry point gives away only these.
    assert {path.name for path in data.iterdir()} | {"agent"} == set(DATA_ENTRIES)
    async with ready_portal("--data", str(data)) as second:
        assert await until_answer(lambda: instances(second.web), bool) == created
        assert await second.stop(signal.SIGINT) == 0


async def test_ephemeral_leaves_nothing(tmp_path: Path) -> None:
    async with ready_portal("--ephemeral", TMPDIR=str(tmp_path)) as running:
        await create_instance(running.web)
        assert len(os.listdir(tmp_path)) == 1
        assert await running.stop() == 0
    assert os.listdir(tmp_path) == []


async def test_kill_of_the_launcher_takes_everything_along(tmp_path: Path) -> None:
    async with ready_portal("--data", str(tmp_path)) as running:
        family = running.family()
        await running.stop(signal.SIGKILL)
        await until(lambda: not any(is_running(pid) for pid in family.values()))
    async with ready_portal("--data", str(tmp_path)) as again:
        assert await again.stop() == 0


async def test_each_killed_process_comes_back(tmp_path: Path) -> None:
    async with ready_portal("--data", str(tmp_path)) as running:
        for name in ("chat", "cloud", "gateway", "incidents", "nats-server"):
            await kill_and_see_back(running, name)
            await until_answer(lambda: answers_ready(running.web), bool)
        await create_instance(running.web)
        assert await running.stop() == 0
        deaths = [line.split()[2] for line in running.lines if "restarting" in line]
    assert deaths == ["chat", "cloud", "gateway", "incidents", "nats"]


async def kill_and_see_back(running: Portal, name: str) -> None:
    """Kill the child ``name``, and wait for its restart."""
    killed = running.family()[name]
    os.kill(killed, signal.SIGKILL)
    await until(lambda: running.family().get(name, killed) != killed)


async def answers_ready(web: str) -> bool:
    """Whether /readyz returns 200 now."""
    async with httpx.AsyncClient(base_url=web, timeout=30) as client:
        try:
            return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


@pytest.mark.skipif(not CAN_FILL_DISK, reason="needs prlimit")
async def test_after_a_full_disk_the_broker_is_restarted(tmp_path: Path) -> None:
    async with ready_portal("--data", str(tmp_path)) as running:
        broker = running.family()["nats-server"]
        limit_files(broker, 1)
        await until_answer(lambda: answers_ready(running.web), lambda ready: not ready)
        await until(lambda: running.family().get("nats-server", broker) != broker)  # which has no limit
        await until_answer(lambda: answers_ready(running.web), bool)
        await create_instance(running.web)
        assert await running.stop() == 0
    restarts = [line for line in running.lines if "restarting nats" in line]
    assert len(restarts) == 1, restarts
    assert len([line for line in running.lines if "failed to store" in line]) <= 1


async def test_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    async with ready_portal("--data", str(tmp_path)) as running:
        family = running.family()
        os.kill(family["gateway"], signal.SIGSTOP)  # it can't receive the first
        running.process.send_signal(signal.SIGINT)
        await until(lambda: any("stopping" in line for line in running.lines))
        assert await running.stop(signal.SIGINT) == 128 + signal.SIGINT
        assert not any(is_running(pid) for pid in family.values())


async def test_taken_port_is_refused(tmp_path: Path) -> None:
    listener, port = taken_port()
    with listener:
        line = await refusal("--port", str(port), "--data", str(tmp_path / "data"))
    assert line.startswith(f"opsroom: can't listen on 127.0.0.1:{port}: address already in use")
    assert not (tmp_path / "data").exists()


async def test_data_in_use_is_refused(tmp_path: Path) -> None:
    async with ready_portal("--data", str(tmp_path)) as running:
        assert "in use by another opsroom" in await refusal("--data", str(tmp_path))
        assert await answers_ready(running.web)


async def test_data_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is not a folder" in await refusal("--data", str(tmp_path / "file"))


async def test_broker_that_is_too_old_is_refused() -> None:
    info = {"version": "2.9.10", "server_id": "x", "proto": 1, "headers": True, "max_payload": 1_048_576}

    async def old_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        async for line in reader:
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(old_broker, "127.0.0.1", 0)
    async with server:
        line = await refusal("--nats", f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert re.match(r"opsroom-(chat|cloud|gateway|incidents): .*2\.9\.10.*2\.12", line)


@pytest.mark.parametrize("access", ["open", "token"])
async def test_the_printed_addresses_work(access: str) -> None:
    environ = {"GATEWAY_TOKENS": f"root admin sha256:{'0' * 64}"} if access == "token" else {}
    async with ready_portal("--ephemeral", "--access", access, **environ) as running:
        printed = [
            url for line in running.lines for url in re.findall(r"http://\S+", line) if "|" not in line
        ]
        assert len(printed) == (5 if access == "open" else 2)
        if not any("Page and API" in line for line in running.lines):
            printed.remove(f"{running.web}/")  # the address of the API alone: nothing is there
        async with httpx.AsyncClient(timeout=10) as client:
            for url in printed:
                response = await client.get(url)
                assert response.status_code == 200 or "POST /new-user" in response.text, url
        assert await running.stop() == 0


async def test_a_hangup_replaces_the_certificate_and_stops_nothing(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    files = {"GATEWAY_TLS_CERT": str(cert), "GATEWAY_TLS_KEY": str(key)}
    async with ready_portal("--ephemeral", **files) as running:
        family = running.family()
        address = httpx.URL(running.web)
        port = address.port or 443
        make_certificate(tmp_path)

        async def served() -> str:
            return await asyncio.to_thread(ssl.get_server_certificate, (address.host, port))

        running.process.send_signal(signal.SIGHUP)
        await until_answer(served, lambda found: found == cert.read_text(encoding="ascii"))
        for name in ("chat", "cloud"):
            os.kill(family[name], signal.SIGHUP)
        assert (await served()) == cert.read_text(encoding="ascii")
        assert any("reading certificates again" in line for line in running.lines)
        assert running.family() == family
        assert await running.stop() == 0
