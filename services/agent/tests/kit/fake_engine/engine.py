"""A small Docker Engine for tests: the part of its API that the agent uses, over HTTP on a Unix socket.

Its replies are those that a real engine gave (Docker 26.1). The tests of the provider run against both, so
that this one can't differ unnoticed.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.agent.tests.kit.fake_engine.containers import FakeContainer, now
from services.agent.tests.kit.fake_engine.faults import Fault, Faults, error
from services.agent.tests.kit.fake_engine.logins import login
from services.agent.tests.kit.fake_engine.streams import log_frames, usage
from services.agent.tests.kit.fake_engine.volumes import FakeVolumes

_EVENTS_KEPT = 256
_NETWORKS = frozenset({"bridge", "none", "front", "back"})
_START_SECONDS = 10.0


class FakeEngine:
    """The engine. Its containers survive :meth:`stop`, as those of a real one do.

    ``images``: what it has. ``registry``: what it can pull: the sizes of the layers of each image, or the
    text of the error. ``logins``: the credentials that an image needs, as ``user:password``.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.images = {"busybox:latest"}
        self.registry: dict[str, list[int] | str] = {}
        self.logins: dict[str, str] = {}
        self.pull_gate = asyncio.Event()
        self.pull_gate.set()
        self.containers: dict[str, FakeContainer] = {}
        self._volumes = FakeVolumes()
        self.requests: list[str] = []
        """The method and path of each request, in order."""
        self.faults = Faults()
        self._events: list[dict[str, Any]] = []
        self._happened = asyncio.Event()
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._waits: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen."""
        config = uvicorn.Config(
            self._app(),
            uds=str(self.socket),
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=0,
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        async with asyncio.timeout(_START_SECONDS):
            while not self._server.started:
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop listening, and break off what is in progress."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = self._server.force_exit = True
        self._wake()
        await self._serving
        self._server = None
        self.socket.unlink(missing_ok=True)

    async def close(self) -> None:
        """Stop, and end all processes."""
        await self.stop()
        for container in self.containers.values():
            container.send(signal.SIGKILL)
        await asyncio.gather(*self._waits, return_exceptions=True)

    def find(self, reference: str) -> FakeContainer | None:
        """Return a container by its id or name."""
        by_name = (one for one in self.containers.values() if one.name == reference)
        by_start = (one for key, one in self.containers.items() if key.startswith(reference))
        return self.containers.get(reference) or next(by_name, None) or next(by_start, None)

    def count(self, pattern: str) -> int:
        """Return how many requests had ``pattern`` in their method and path."""
        return sum(pattern in request for request in self.requests)

    def _app(self) -> "_Guarded":
        routes = [
            Route("/containers/create", self._create, methods=["POST"]),
            Route("/containers/json", self._list),
            Route("/containers/{ref}/json", self._inspect),
            Route("/containers/{ref}/start", self._start, methods=["POST"]),
            Route("/containers/{ref}/stop", self._stop_container, methods=["POST"]),
            Route("/containers/{ref}/restart", self._restart, methods=["POST"]),
            Route("/containers/{ref}/kill", self._kill, methods=["POST"]),
            Route("/containers/{ref}/logs", self._logs),
            Route("/containers/{ref}/stats", self._stats),
            Route("/containers/{ref}", self._remove, methods=["DELETE"]),
            Route("/networks/{name}/connect", self._connect, methods=["POST"]),
            Route("/images/create", self._pull, methods=["POST"]),
            *self._volumes.routes(),
            Route("/events", self._follow),
        ]
        return _Guarded(Starlette(routes=routes), self)

    async def _create(self, request: Request) -> Response:
        name, body = request.query_params["name"], await request.json()
        image = body["Image"] if ":" in body["Image"] else f"{body['Image']}:latest"
        if image not in self.images:
            return error(404, f"No such image: {image}")
        if (other := self.find(name)) is not None:
            return error(
                409,
                f'Conflict. The container name "/{name}" is already in use by container "{other.id}". '
                "You have to remove (or rename) that container to be able to reuse that name.",
            )
        container = FakeContainer(name, body)
        container.networks[container.host.get("NetworkMode") or "bridge"] = "172.17.0.2"
        self.containers[container.id] = container
        self._emit(container, "create")
        return JSONResponse({"Id": container.id, "Warnings": []}, 201)

    async def _list(self, request: Request) -> Response:
        wanted = json.loads(request.query_params.get("filters", "{}")).get("label", [])
        found = [
            one
            for one in self.containers.values()
            if all(one.labels.get(label.partition("=")[0]) == label.partition("=")[2] for label in wanted)
        ]
        return JSONResponse([one.summary() for one in found])

    async def _inspect(self, request: Request) -> Response:
        container = self._of(request)
        return _missing(request) if container is None else JSONResponse(container.full())

    async def _start(self, request: Request) -> Response:
        container = self._of(request)
        if container is None:
            return _missing(request)
        if container.running:
            return Response(status_code=304)
        taken = {port["HostPort"] for one in self.containers.values() if one.running for port in _ports(one)}
        for bindings in (container.host.get("PortBindings") or {}).values():
            for one in bindings:
                if one["HostPort"] in taken:
                    where = f"{one['HostIp']}:{one['HostPort']}"
                    return error(500, f"Bind for {where} failed: port is already allocated")
        await self._run(container)
        return Response(status_code=204)

    async def _stop_container(self, request: Request) -> Response:
        container = self._of(request)
        if container is None:
            return _missing(request)
        if not container.running:
            return Response(status_code=304)
        await self._end(container)
        return Response(status_code=204)

    async def _restart(self, request: Request) -> Response:
        container = self._of(request)
        if container is None:
            return _missing(request)
        if container.running:
            await self._end(container)
        await self._run(container)
        return Response(status_code=204)

    async def _kill(self, request: Request) -> Response:
        container = self._of(request)
        if container is None:
            return _missing(request)
        container.send(signal.SIGKILL)
        return Response(status_code=204)

    async def _remove(self, request: Request) -> Response:
        container = self._of(request)
        if container is None:
            return _missing(request)
        if container.removing:
            return error(409, f"removal of container {container.id} is already in progress")
        if container.running and request.query_params.get("force") != "1":
            return error(409, "cannot remove container: container is running")
        container.removing = True
        container.send(signal.SIGKILL)
        await asyncio.gather(*container.tasks)
        del self.containers[container.id]
        self._emit(container, "destroy")
        return Response(status_code=204)

    async def _connect(self, request: Request) -> Response:
        network, container = request.path_params["name"], self.find((await request.json())["Container"])
        if network not in _NETWORKS:
            return error(404, f"network {network} not found")
        if container is None:
            return _missing(request)
        if network in container.networks:
            return error(403, f"endpoint with name {container.name} already exists in network {network}")
        container.networks[network] = "172.18.0.2"
        return Response(status_code=200)

    async def _pull(self, request: Request) -> Response:
        image = request.query_params["fromImage"]
        found = self.registry.get(image, f"manifest for {image} not found: manifest unknown")
        if self.logins.get(image) not in {None, login(request)}:
            name = image.partition(":")[0]
            return error(
                404,
                f"pull access denied for {name}, repository does not exist or may require 'docker login'",
            )

        async def report() -> AsyncIterator[bytes]:
            if isinstance(found, str):
                yield json.dumps({"error": found, "errorDetail": {"message": found}}).encode() + b"\r\n"
                return
            for number, size in enumerate(found):
                detail = {"current": size // 2, "total": size}
                line = {"status": "Downloading", "progressDetail": detail, "id": f"layer{number}"}
                yield json.dumps(line).encode() + b"\r\n"
            await self.pull_gate.wait()
            for number in range(len(found)):
                line = {"status": "Pull complete", "progressDetail": {}, "id": f"layer{number}"}
                yield json.dumps(line).encode() + b"\r\n"
            self.images.add(image)

        return StreamingResponse(report(), media_type="application/json")

    async def _logs(self, request: Request) -> Response:
        container = self._of(request)
        if container is None:
            return _missing(request)
        return StreamingResponse(log_frames(container, request.query_params))

    async def _stats(self, request: Request) -> Response:
        container = self._of(request)
        return _missing(request) if container is None else JSONResponse(usage(container))

    async def _follow(self, request: Request) -> Response:
        since = request.query_params.get("since")
        wanted = json.loads(request.query_params.get("filters", "{}")).get("event", [])
        first = len(self._events)
        if since is not None:
            seconds, _, rest = since.partition(".")
            after = int(seconds) * 10**9 + int(rest.ljust(9, "0") or 0)
            first = sum(event["timeNano"] < after for event in self._events)

        async def events() -> AsyncIterator[bytes]:
            sent = first
            while self._server is not None and not self._server.should_exit:
                happened = self._happened
                for event in self._events[sent:]:
                    sent += 1
                    if not wanted or event["Action"] in wanted:
                        yield json.dumps(event).encode() + b"\n"
                await happened.wait()

        return StreamingResponse(events())

    def _of(self, request: Request) -> FakeContainer | None:
        return self.find(request.path_params["ref"])

    async def _run(self, container: FakeContainer) -> None:
        await container.start()
        waiting = asyncio.create_task(self._wait(container))
        container.tasks = [waiting]
        self._waits.add(waiting)
        self._emit(container, "start")

    async def _wait(self, container: FakeContainer) -> None:
        """Wait until the container's process has ended."""
        process = container.process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        reading = asyncio.gather(container.read(1, process.stdout), container.read(2, process.stderr))
        code = await process.wait()
        container.send(signal.SIGKILL)  # a container ends with its first process
        await reading
        container.exit_code = 128 - code if code < 0 else code
        container.status, container.finished_at = "exited", now()
        container.notify()
        self._emit(container, "die")

    async def _end(self, container: FakeContainer) -> None:
        """Ask the process to end, and kill it if it does not."""
        container.send(signal.SIGTERM)
        timeout = container.body.get("StopTimeout")
        await asyncio.wait(container.tasks, timeout=10 if timeout is None else timeout)
        container.send(signal.SIGKILL)
        await asyncio.gather(*container.tasks)
        self._emit(container, "stop")

    def _emit(self, container: FakeContainer, action: str) -> None:
        nanoseconds = int(asyncio.get_running_loop().time() * 1e9)
        last = self._events[-1]["timeNano"] if self._events else 0
        attributes = {**container.labels, "name": container.name, "image": container.body["Image"]}
        self._events.append(
            {
                "Type": "container",
                "Action": action,
                "Actor": {"ID": container.id, "Attributes": attributes},
                "timeNano": max(nanoseconds, last + 1),
            }
        )
        self._wake()

    def _wake(self) -> None:
        happened, self._happened = self._happened, asyncio.Event()
        happened.set()


class _Guarded:
    """The application with its faults."""

    def __init__(self, app: Starlette, engine: FakeEngine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = f"{scope['method']} {scope['path']}"
        self._engine.requests.append(asked)
        planned = self._engine.faults.take(asked)
        if planned is None:
            await self._app(scope, receive, send)
        elif planned.fault is Fault.REFUSE:
            await error(planned.status, planned.message)(scope, receive, send)
        elif planned.fault is Fault.HANG:
            self._engine.faults.hanging.set()
            with suppress(asyncio.CancelledError):
                while (await receive())["type"] != "http.disconnect":
                    pass
        else:
            await self._app(scope, receive, _swallow)
            # A reply that does not come to its end: uvicorn closes the connection.
            headers = [(b"content-length", b"100")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _swallow(_message: object) -> None:
    """Send nothing."""


def _ports(container: FakeContainer) -> list[dict[str, str]]:
    return [one for bindings in container.ports.values() for one in bindings]


def _missing(request: Request) -> Response:
    return error(404, f"No such container: {request.path_params.get('ref', 'unknown')}")
