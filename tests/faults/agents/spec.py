"""What the agents of a run are: their provider, its settings, and the deadlines of their operations."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from opsroom_agent.settings import ProviderKind
from tests.faults.verification.agent_history import AgentHistory, EngineServer, Executed, OutsideKind

STATE_FOLDER = "agent"
"""The folder of both agents' state, beside the broker's data."""
PROVIDERS = {ProviderKind.SIMULATED: "lab", ProviderKind.DOCKER: "docker"}
"""The name of each provider in the portal."""
TEMPLATES = {ProviderKind.SIMULATED: "small", ProviderKind.DOCKER: "box"}
IMAGE = "busybox:latest"
"""What containers are made of, unless the engine is the run's own."""
PRIVATE_IMAGE = "opsroom-faults:latest"
COMMAND = ("sh", "-c", "trap 'exit 0' TERM; trap 'exit 3' USR1; sleep 100000 & wait")
_DOCKER_TEMPLATES = """
[templates.box]
image = "{image}"
command = {command}
memory = "32M"
cpus = 0.2
networks = ["none"]
restart = "no"
stop_seconds = 2
"""
_LIST_SECONDS = 5.0


class Engine(Protocol):
    """The engine behind the agents, as somebody sees it who does not use the portal. All methods block.

    Methods raise ``OSError`` if the engine does not respond.
    """

    def servers(self) -> list[EngineServer]:
        """Return the servers of this portal, adopted ones included."""

    def change(self, kind: OutsideKind, server: EngineServer) -> bool:
        """Crash, stop or remove a server. Returns whether that has changed anything."""

    def appear(self, instance: str) -> str:
        """Create a server with the mark of the portal, or without ``instance`` one that can be adopted.

        Returns what the provider calls it.
        """

    def may_be_adopted(self, resource: str) -> bool:
        """Whether the run may adopt what can be adopted."""

    def go_away(self, seconds: float) -> bool:
        """Respond to no agent for a while, and return after it. Returns whether it can."""

    def executed(self) -> list[Executed]:
        """Return what was carried out, as far as the engine records it."""

    def close(self) -> None:
        """Remove what the run has left."""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """``create_seconds``, ``command_seconds``: the deadlines of operations. ``work``: how long each takes.

    The deadline of commands is shorter than a lease, so that the outcome of some is unknown then; that of
    creations is longer, so that another agent finishes them.
    """

    kind: ProviderKind
    portal: str
    failure_rate: float = 0.03
    lost_reply_rate: float = 0.05
    work: float = 0.3
    create_seconds: float = 45.0
    command_seconds: float = 14.0
    socket: Path = Path("/var/run/docker.sock")
    own_engine: bool = False
    image: str = IMAGE
    servers_max: int = 1000
    """How many servers there may be at once."""

    @property
    def name(self) -> str:
        """The name of the provider."""
        return PROVIDERS[self.kind]

    @property
    def template(self) -> str:
        """The template from which servers are created."""
        return f"{self.name}/{TEMPLATES[self.kind]}"

    def history(self) -> AgentHistory:
        """The history of the provider, empty."""
        records = self.kind is ProviderKind.SIMULATED
        return AgentHistory(
            self.name,
            self.work if records else 4.0,
            self.create_seconds,
            self.command_seconds,
            records=records,
            failure_rate=self.failure_rate if records else 0.0,
        )

    def of_clouds(self) -> dict[str, str]:
        """The environment of the cloud service."""
        return {
            "CLOUD_CREATE_TIMEOUT_SECONDS": f"{self.create_seconds:g}",
            "CLOUD_COMMAND_TIMEOUT_SECONDS": f"{self.command_seconds:g}",
            "CLOUD_LIST_SECONDS": f"{_LIST_SECONDS:g}",
            "CLOUD_LOST_GRACE_SECONDS": f"{_LIST_SECONDS:g}",
        }

    def of_agents(self, folder: Path, store: Path) -> dict[str, str]:
        """The environment of the agents. ``folder``: that of the run; ``store``: for their state."""
        chosen = {
            "AGENT_PROVIDER": self.kind.value,
            "AGENT_PORTAL": self.portal,
            "AGENT_STATE_DIR": str(store / STATE_FOLDER),
        }
        if self.kind is ProviderKind.DOCKER:
            templates = folder / "templates.toml"
            command = json.dumps(list(COMMAND))
            templates.write_text(_DOCKER_TEMPLATES.format(image=self.image, command=command))
            return chosen | {"AGENT_TEMPLATES": str(templates), "AGENT_DOCKER_SOCKET": str(self.socket)}
        return chosen | {
            "AGENT_SIMULATED_DELAY_SECONDS": f"{self.work:g}",
            "AGENT_SIMULATED_FAILURE_RATE": f"{self.failure_rate:g}",
            "AGENT_SIMULATED_LOST_REPLY_RATE": f"{self.lost_reply_rate:g}",
            "AGENT_SIMULATED_ADOPTABLE": "3",
        }
