"""A Docker engine behind the agents, as somebody uses it who does not use the portal."""

import contextlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from opsroom_agent.providers.docker.views import (
    INSTANCE_LABEL,
    NAME_LABEL,
    OPERATION_LABEL,
    PORTAL_LABEL,
    TEMPLATE_LABEL,
    container_name,
)
from tests.faults.agents.private_engine import PrivateEngine
from tests.faults.agents.spec import COMMAND, TEMPLATES, AgentSpec
from tests.faults.verification.agent_history import EngineServer, Executed, OutsideKind

_SECONDS = 30.0
_SILENCE_SECONDS = 2.0
_NO_FAILURE = {0, 130, 137, 143}
_CLAIM = "opsroom-adopted-"
_END_SECONDS = 3.0
_NOT_FOUND, _CONFLICT = 404, 409
_CHANGES = {
    OutsideKind.CRASHED: ("POST", "/kill?signal=USR1"),
    OutsideKind.STOPPED: ("POST", "/kill"),
    OutsideKind.REMOVED: ("DELETE", "?force=1&v=1"),
}

Json = dict[str, Any]


class DockerEngine:
    """The containers of one portal, and those that the run has made for it to adopt.

    ``private``: the engine, if the run has started it.
    """

    def __init__(self, spec: AgentSpec, private: PrivateEngine | None = None) -> None:
        self._spec = spec
        self._private = private
        self._socket = spec.socket if private is None else private.socket
        self._client = _client(self._socket)
        self._adoptable: set[str] = set()
        self._executed: dict[str, Executed] = {}
        self._over = threading.Event()
        self._following = threading.Thread(target=self._follow, name="docker events", daemon=True)
        self._following.start()

    def servers(self) -> list[EngineServer]:
        """Return the containers with the mark of the portal, and those that it has adopted."""
        mark = json.dumps({"label": [f"{PORTAL_LABEL}={self._spec.portal}"]})
        listed = self._ask("GET", "/containers/json", all="1", filters=mark)
        volumes = self._ask("GET", "/volumes", filters=mark)
        claims = {one["Name"]: one["Labels"][INSTANCE_LABEL] for one in volumes.get("Volumes") or ()}
        found = [(one["Id"], one["Labels"][INSTANCE_LABEL], False) for one in listed]
        found += [
            (name.removeprefix(_CLAIM), instance, True)
            for name, instance in claims.items()
            if name.startswith(_CLAIM)
        ]
        servers = (self._server(*each) for each in found)
        return [server for server in servers if server is not None]

    def change(self, kind: OutsideKind, server: EngineServer) -> bool:
        """Crash, kill or remove a container."""
        method, what = _CHANGES[kind]
        path = f"/containers/{server.resource}{what}"
        status = self._request(method, path).status_code
        if status not in {_NOT_FOUND, _CONFLICT} and status >= 400:
            raise OSError(f"{method} {path}: {status}")
        if status < 300 and kind is OutsideKind.CRASHED:
            return self._ends(server)
        return status < 300

    def _ends(self, server: EngineServer) -> bool:
        """Whether a container ends within a moment: one that has just begun does not take the signal."""
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline:
            now = self._server(server.resource, server.instance, server.adopted)
            if now is None or now.state == "stopped":
                return True
            time.sleep(0.05)
        return False

    def appear(self, instance: str) -> str:
        """Create a container with the mark of the portal, or one that can be adopted, and start it."""
        template = TEMPLATES[self._spec.kind]
        labels = {PORTAL_LABEL: self._spec.portal, INSTANCE_LABEL: instance, TEMPLATE_LABEL: template}
        labels[NAME_LABEL] = f"outside-{instance[:8]}"
        name = container_name(instance) if instance else f"{self._spec.portal}-{len(self._adoptable)}"
        body = {
            "Image": self._spec.image,
            "Cmd": list(COMMAND),
            "Labels": labels if instance else {},
            "StopTimeout": 2,
            "HostConfig": {"NetworkMode": "none", "Memory": 32 * 1024**2},
        }
        created = self._request("POST", f"/containers/create?name={name}", body)
        if created.status_code != 201:
            raise OSError(created.text)
        resource = str(created.json()["Id"])
        if not instance:
            self._adoptable.add(resource)
        self._request("POST", f"/containers/{resource}/start")
        return resource

    def may_be_adopted(self, resource: str) -> bool:
        """Whether the run has made it for that: others may use the engine, too."""
        return resource in self._adoptable

    def go_away(self, seconds: float) -> bool:
        """Suspend, or kill and start, the engine, if it is the run's own. Returns whether it is."""
        if self._private is None:
            return False
        self._private.go_away(seconds)
        return True

    def executed(self) -> list[Executed]:
        """Return the creations of this portal: each container that the engine has reported."""
        return list(self._executed.values())

    def close(self) -> None:
        """Remove the containers of the run, and nothing else."""
        self._over.set()
        try:
            for server in self.servers():
                self._request("DELETE", f"/containers/{server.resource}?force=1&v=1")
                self._request("DELETE", f"/volumes/{_CLAIM}{server.resource}")
            for resource in self._adoptable:
                self._request("DELETE", f"/containers/{resource}?force=1&v=1")
                self._request("DELETE", f"/volumes/{_CLAIM}{resource}")
        finally:
            self._following.join(2 * _SILENCE_SECONDS)
            self._client.close()
            if self._private is not None:
                self._private.stop()

    def _server(self, resource: str, instance: str, adopted: bool) -> EngineServer | None:
        reply = self._request("GET", f"/containers/{resource}/json")
        if reply.status_code == _NOT_FOUND:
            return None
        state = reply.json()["State"]
        running = bool(state["Running"])
        failed = not running and state["ExitCode"] not in _NO_FAILURE
        return EngineServer(instance, resource, "running" if running else "stopped", failed, adopted)

    def _ask(self, method: str, path: str, **parameters: str) -> Any:
        reply = self._request(method, path, parameters=parameters)
        if reply.status_code >= 400:
            raise OSError(f"{method} {path}: {reply.text}")
        return reply.json()

    def _request(
        self, method: str, path: str, body: Json | None = None, parameters: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body, params=parameters)
        except httpx.TransportError as error:
            raise OSError(str(error)) from error

    def _follow(self) -> None:
        """Note the creations that the engine reports, through its restarts."""
        since = f"{time.time():.9f}"
        mark = f"{PORTAL_LABEL}={self._spec.portal}"
        wanted = json.dumps({"type": ["container"], "event": ["create"], "label": [mark]})
        with _client(self._socket, _SILENCE_SECONDS) as client:
            while not self._over.is_set():
                with contextlib.suppress(httpx.TransportError):
                    with client.stream("GET", "/events", params={"since": since, "filters": wanted}) as reply:
                        for line in reply.iter_lines():
                            since = self._note(json.loads(line))
                time.sleep(0.1)

    def _note(self, event: Json) -> str:
        """Note a creation. Returns from when on to follow again."""
        nanoseconds, attributes = int(event["timeNano"]), event["Actor"]["Attributes"]
        if OPERATION_LABEL in attributes:
            self._executed[event["Actor"]["ID"]] = Executed(
                attributes[OPERATION_LABEL], attributes[INSTANCE_LABEL], "create", nanoseconds / 1e9
            )
        after = nanoseconds + 1
        return f"{after // 10**9}.{after % 10**9:09d}"


def why_not(socket: Path, image: str) -> str | None:
    """Return why an engine can't be used; None if it can."""
    try:
        with _client(socket) as client:
            found = client.get(f"/images/{image}/json").status_code
    except httpx.TransportError as error:
        return f"the Docker engine at {socket} does not respond: {error}"
    return None if found == 200 else f"the Docker engine at {socket} has no image {image}"


def _client(socket: Path, seconds: float = _SECONDS) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(socket))
    return httpx.Client(base_url="http://docker", transport=transport, timeout=seconds)
