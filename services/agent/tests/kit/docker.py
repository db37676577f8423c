"""The provider with an engine, a fake one or the real one, and what happens at the engine outside of it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx

from opsroom_agent.context import ProviderContext
from opsroom_agent.providers.docker.provider import DockerProvider, docker_provider
from opsroom_agent.settings import AgentSettings
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    ChangeNotice,
    Observation,
    ObserveRequest,
    ServerRef,
)
from opsroom_contracts.cloud.commands import Command
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until, until_answer

REAL_SOCKET = Path(os.environ.get("DOCKER_HOST", "/var/run/docker.sock").removeprefix("unix://"))
IMAGE = "busybox:latest"
SLEEP = "trap 'exit 0' TERM; echo begin; echo problem >&2; while true; do sleep 0.1; done"
TEMPLATES = f"""
[templates.box]
image = "{IMAGE}"
command = ["sh", "-c", "{SLEEP}"]
memory = "32M"
cpus = 0.5
ports = [80]
restart = "no"
stop_seconds = 3
env = {{ GREETING = "hello" }}

[templates.fails]
image = "{IMAGE}"
command = ["sh", "-c", "echo broken; exit 3"]
restart = "no"

[templates.missing]
image = "opsroom-test/missing:1"

[templates.crowded]
image = "{IMAGE}"
command = ["sleep", "3600"]
ports = ["48123:80"]
restart = "no"
stop_seconds = 0

[templates.networked]
image = "{IMAGE}"
command = ["sleep", "3600"]
networks = ["none"]
restart = "no"
stop_seconds = 0
"""
DONE = frozenset({ApplyStatus.DONE, ApplyStatus.FAILED})


def why_no_real_engine() -> str | None:
    """Return why the real engine can't be used; None if it can."""
    if not os.access(REAL_SOCKET, os.R_OK | os.W_OK):
        return f"there is no engine at {REAL_SOCKET}"
    transport = httpx.HTTPTransport(uds=str(REAL_SOCKET))
    try:
        with httpx.Client(base_url="http://docker", transport=transport, timeout=5) as client:
            found = client.get(f"/images/{IMAGE}/json").status_code
    except httpx.TransportError as error:
        return f"the engine at {REAL_SOCKET} does not respond: {error}"
    return None if found == 200 else f"the engine has no image {IMAGE}"


class Docker:
    """A provider with its engine. ``portal``: another one in each test, as tests share an engine."""

    def __init__(self, socket: Path, folder: Path) -> None:
        self.socket = socket
        self.portal = f"test-{uuid4().hex[:12]}"
        self.templates = folder / "templates.toml"
        self.templates.write_text(TEMPLATES)
        self.state = folder / "state"
        self.config: Path | None = None
        self.environ: dict[str, str] = {**os.environ, "HOSTNAME": "host"}
        self.checks = 0
        self._provider: DockerProvider | None = None
        self._names: list[str] = []
        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        self.client = httpx.AsyncClient(base_url="http://docker", transport=transport, timeout=60)

    @property
    def provider(self) -> DockerProvider:
        """The provider that runs now."""
        assert self._provider is not None
        return self._provider

    @asynccontextmanager
    async def running(self, portal: str | None = None) -> AsyncIterator[DockerProvider]:
        """Run a provider, as an agent would; leaving the context is like a kill of the agent."""
        settings = AgentSettings(
            docker_socket=self.socket,
            templates=self.templates,
            portal=portal or self.portal,
            state_dir=self.state,
            docker_config=self.config,
        )
        async with docker_provider(ProviderContext(settings, self._check), self.environ) as provider:
            async with run_tasks(provider=provider.run()):
                self._provider = provider
                await asyncio.sleep(0)  # the tasks begin
                yield provider

    def _check(self) -> None:
        self.checks += 1

    def ref(self, template: str | None = "box", resource: str | None = None) -> ServerRef:
        """A new server."""
        server_id = str(uuid4())
        return ServerRef(id=server_id, name=f"n{server_id[:8]}", template=template, resource=resource)

    async def apply(self, command: Command, server: ServerRef, *, start: bool = False) -> ApplyReply:
        """Do an operation, asking until it has an outcome."""
        request = ApplyRequest(operation_id=uuid4().hex, command=command, server=server, start=start)
        return await self.finish(request)

    async def finish(self, request: ApplyRequest) -> ApplyReply:
        """Ask for an operation until it has an outcome."""
        return await until_answer(
            lambda: self.provider.apply(request), lambda reply: reply.status in DONE, timeout=60
        )

    async def created(self, template: str = "box", *, start: bool = True) -> ServerRef:
        """Create a server."""
        server = self.ref(template)
        reply = await self.apply(Command.CREATE, server, start=start)
        assert reply.status is ApplyStatus.DONE, reply
        return server

    async def observed(self, server: ServerRef) -> Observation | None:
        """Look at a server; None if it is gone."""
        reply = await self.provider.observe(ObserveRequest(servers=(server,)))
        assert reply.found or reply.gone, "it could not be observed"
        return reply.found[0] if reply.found else None

    async def outside(self, command: str, labels: dict[str, str] | None = None) -> str:
        """Run a container that the provider knows nothing of; return its id."""
        body = {"Image": IMAGE, "Cmd": ["sh", "-c", command], "Labels": labels or {}, "StopTimeout": 0}
        name = f"outside-{uuid4().hex[:12]}"
        reply = await self.client.post("/containers/create", params={"name": name}, json=body)
        assert reply.status_code == 201, reply.text
        container_id = str(reply.json()["Id"])
        self._names.append(container_id)
        await self.act("POST", f"{container_id}/start")
        return container_id

    async def act(self, method: str, path: str) -> None:
        """Do something to a container from outside, such as ``POST opsroom-x/kill``."""
        reply = await self.client.request(method, f"/containers/{path}")
        assert reply.status_code < 300, reply.text

    async def inspect(self, reference: str) -> dict[str, object]:
        """Return what the engine says of a container."""
        reply = await self.client.get(f"/containers/{reference}/json")
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def all_ids(self) -> list[str]:
        """Return the ids of all containers of the portal."""
        filters = f'{{"label":["opsroom.portal={self.portal}"]}}'
        reply = await self.client.get("/containers/json", params={"all": "1", "filters": filters})
        return [str(one["Id"]) for one in reply.json()]

    async def claims(self) -> list[str]:
        """Return the names of the volumes of the containers that the test has created outside."""
        reply = await self.client.get("/volumes")
        return [
            str(one["Name"])
            for one in reply.json()["Volumes"] or ()
            if any(name in one["Name"] for name in self._names)
        ]

    async def clean(self) -> None:
        """Remove everything that the test has created."""
        try:
            for container_id in (*await self.all_ids(), *self._names):
                await self.client.request("DELETE", f"/containers/{container_id}?force=1&v=1")
            for name in await self.claims():
                await self.client.request("DELETE", f"/volumes/{name}")
        finally:
            await self.client.aclose()


class Notices:
    """The notices of a provider, in order; followed from the beginning of the context on."""

    def __init__(self, docker: Docker) -> None:
        self._docker = docker
        self._seen: list[ChangeNotice] = []

    @asynccontextmanager
    async def following(self) -> AsyncIterator["Notices"]:
        """Follow the notices; the first one has come when the context begins."""
        async with run_tasks(notices=self._follow()):
            server = await self._docker.created("networked")  # until the events are followed, none would come
            await self.until(lambda notice: any(one.id == server.id for one in notice.found))
            yield self

    async def _follow(self) -> None:
        async with aclosing(self._docker.provider.changes()) as notices:
            async for notice in notices:
                self._seen.append(notice)

    async def until(self, wanted: Callable[[ChangeNotice], object]) -> None:
        """Wait for a notice."""
        await until(lambda: any(wanted(notice) for notice in self._seen))
