"""The containers of the fake engine: each runs its command as a process of this machine."""

import asyncio
import os
import secrets
import signal
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

NEVER = "0001-01-01T00:00:00Z"
_PORTS = count(32768)


def now() -> str:
    """The time as the engine writes it, with nanoseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")


@dataclass(slots=True)
class FakeContainer:
    """A container. ``log``: the source (1 or 2), the time and the text of each line."""

    name: str
    body: dict[str, Any]
    id: str = field(default_factory=lambda: secrets.token_hex(32))
    status: str = "created"
    exit_code: int = 0
    started_at: str = NEVER
    finished_at: str = NEVER
    networks: dict[str, str] = field(default_factory=dict)
    ports: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    log: list[tuple[int, str, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    process: Process | None = None
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    removing: bool = False

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.status == "running"

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return dict(self.body.get("Labels") or {})

    @property
    def host(self) -> dict[str, Any]:
        """The part of the request about the host."""
        return dict(self.body.get("HostConfig") or {})

    def command(self) -> list[str]:
        """What it runs."""
        return [*(self.body.get("Entrypoint") or []), *(self.body.get("Cmd") or ["sleep", "3600"])]

    def publish(self) -> None:
        """Choose the host's ports."""
        for key, bindings in (self.host.get("PortBindings") or {}).items():
            self.ports[key] = [
                {"HostIp": one["HostIp"], "HostPort": one["HostPort"] or str(next(_PORTS))}
                for one in bindings
            ]

    def full(self) -> dict[str, Any]:
        """What ``GET /containers/{id}/json`` replies."""
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "State": {
                "Status": self.status,
                "Running": self.running,
                "Restarting": False,
                "OOMKilled": False,
                "Dead": False,
                "ExitCode": self.exit_code,
                "Error": "",
                "StartedAt": self.started_at,
                "FinishedAt": self.finished_at,
            },
            "Config": {
                "Image": self.body["Image"],
                "Tty": bool(self.body.get("Tty")),
                "Labels": self.labels,
                "StopTimeout": self.body.get("StopTimeout"),
            },
            "HostConfig": self.host,
            "NetworkSettings": {
                "Ports": self.ports if self.running else {},
                "Networks": {name: {"IPAddress": ip} for name, ip in self.networks.items()},
            },
        }

    def summary(self) -> dict[str, Any]:
        """What ``GET /containers/json`` has of it."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.body["Image"],
            "State": self.status,
            "Status": "Up 1 second" if self.running else f"Exited ({self.exit_code}) 1 second ago",
            "Labels": self.labels,
        }

    async def start(self) -> None:
        """Run its command."""
        command = self.command()
        environ = dict(one.split("=", 1) for one in self.body.get("Env") or [])
        self.process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": os.environ["PATH"], **environ},
            start_new_session=True,
        )
        self.status, self.started_at, self.exit_code = "running", now(), 0
        self.publish()

    async def read(self, source: int, stream: asyncio.StreamReader) -> None:
        """Add what the process writes to the log."""
        while line := await stream.readline():
            self.log.append((source, now(), line.decode(errors="replace").rstrip("\n")))
            self.notify()

    def notify(self) -> None:
        """Wake what waits for a change of it."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its first process, or SIGKILL to all of them."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                if number is signal.SIGKILL:
                    os.killpg(self.process.pid, number)
                elif self.process.returncode is None:
                    os.kill(self.process.pid, number)
